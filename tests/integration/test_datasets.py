"""Folders are examined in the background, splits keep their names and images, and the data card needs no network."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image
from sqlalchemy import select, update

from core.dataset.splitting import SplitConfig
from core.errors import CohortError, InputNotFoundError, PneumoDeskError, SettingsError, WorkTakenOverError
from core.figures import dataset as figures
from core.progress import OnProgress, Progress, tell_nobody
from core.runs.work import launch
from core.services.datasets import import_jobs, indexing
from core.services.datasets.data_card import data_card
from core.services.datasets.dataset import examine, open_dataset, write_manifest
from core.services.datasets.import_jobs import (
    ExaminationRequest,
    Origin,
    examine_again,
    get_examination,
    list_examinations,
    start_anew,
    start_examination,
    stop_examination,
    work_on_examination,
)
from core.services.datasets.sources import draw_cohort
from core.services.datasets.splits import list_splits, preview_split, save_split, split_of
from core.services.desk import Desk, open_desk
from core.settings import AppSettings
from db import models as tables
from tests.patience import wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    draw_cohort(folder, tell_nobody)
    return folder


@pytest.fixture
def in_this_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examinations are carried out where they are asked for, by the same code."""
    monkeypatch.setattr(import_jobs, "launch", lambda arguments, log: work_on_examination(desk, arguments[-1]))


def ended(desk: Desk, examination_id: str) -> str:
    wait_until(lambda: not get_examination(desk, examination_id).is_live)
    return get_examination(desk, examination_id).state


def test_a_folder_is_examined_by_a_process_of_its_own(desk: Desk, folder: Path) -> None:
    """It ends complete, its dataset opens, and the list shows the folder once however often it is examined."""
    first = start_examination(desk, ExaminationRequest(path=folder))
    assert ended(desk, first) == "completed"
    status = get_examination(desk, first)
    dataset = open_dataset(desk, status.root, status.cohort_fingerprint)
    assert dataset.summary["num_usable"] == 120 and set(dataset.means) == {"normal", "pneumonia"}
    assert dataset.films["brightness"].notna().all()
    second = start_examination(desk, ExaminationRequest(path=folder))
    assert ended(desk, second) == "completed"
    assert [row.id for row in list_examinations(desk) if row.root == folder] == [second]


def test_drawn_films_are_always_called_so(desk: Desk, in_this_process: None) -> None:
    """A drawn dataset is synthetic in its status and on its card."""
    examination_id = start_examination(desk, ExaminationRequest(origin=Origin.PHANTOMS))
    assert ended(desk, examination_id) == "completed"
    status = get_examination(desk, examination_id)
    assert status.is_synthetic
    dataset = open_dataset(desk, status.root, status.cohort_fingerprint)
    assert "Synthetic" in data_card(desk, dataset)
    again = start_anew(desk, examination_id, "Nurse Lee")
    assert ended(desk, again) == "completed"
    assert get_examination(desk, again).origin is Origin.PHANTOMS
    by_folder = start_examination(desk, ExaminationRequest(path=status.root / "train"))
    assert get_examination(desk, by_folder).is_synthetic
    assert ended(desk, by_folder) == "completed"


def test_examining_again_keeps_where_films_came_from(desk: Desk, folder: Path, in_this_process: None) -> None:
    """A download and an upload are not fetched again but stay what they were; nothing needs the network."""
    for origin in (Origin.KAGGLE, Origin.UPLOAD):
        with desk.transaction() as session:
            session.add(tables.Examination(id=f"of{origin}", root=str(folder), origin=origin.value, state="completed"))
        again = start_anew(desk, f"of{origin}")
        assert ended(desk, again) == "completed"
        status = get_examination(desk, again)
        assert (status.origin, status.root) == (origin, folder)
    with pytest.raises(InputNotFoundError, match="no dataset"):
        start_anew(desk, "unheard-of")


def test_films_larger_than_the_setting_are_named(folder: Path, tmp_path: Path) -> None:
    """The largest file that is read is a setting, also for the index; once it is raised the file is read."""
    root = tmp_path / "films"
    (root / "NORMAL").mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1100, 1100), np.uint8)).save(root / "NORMAL/large.png")
    problems = [
        indexing.index(open_desk(AppSettings(home=tmp_path / "home", max_file_megabytes=size)), root).manifest[
            "problem"
        ]
        for size in (1, 2)
    ]
    assert [problem.tolist() for problem in problems] == [["file_too_large"], [None]]


def test_what_broke_off_is_cleaned_at_a_later_start(tmp_path: Path) -> None:
    """A half-written folder goes once it has been still for an hour; one in use and finished ones stay."""
    settings = AppSettings(home=tmp_path)
    for name in ("caches/manifests/.new-old", "caches/pixels/.new-live", "caches/pixels/kept", "ensembles/.new-old"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "part").write_bytes(b"x")
        if name.endswith("old"):
            for path in (tmp_path / name / "part", tmp_path / name):
                os.utime(path, (0, 0))
    open_desk(settings)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*/part")}
    assert left == {"caches/pixels/.new-live/part", "caches/pixels/kept/part"}


def held_process(desk: Desk, examination_id: str) -> psutil.Process:
    """Wait until the process of an examination holds still in the middle of its work, and return it."""

    def pid() -> int | None:
        with desk.reading() as session:
            return session.scalar(select(tables.Examination.pid).filter_by(id=examination_id))

    wait_until(lambda: pid() is not None)
    process = psutil.Process(pid())
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    return process


def test_a_killed_or_stopped_examination_goes_on(
    desk: Desk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After kill -9 in its middle it is found lost; taken up again and asked to stop it is stopped; then completes."""
    root = shutil.copytree(folder, tmp_path / "films")
    with monkeypatch.context() as patch:
        patch.setattr(import_jobs, "launch", lambda words, log: launch(["tests.held_import", *words[1:]], log))
        examination_id = start_examination(desk, ExaminationRequest(path=root))
        held_process(desk, examination_id).kill()
        assert ended(desk, examination_id) == "lost"
        examine_again(desk, examination_id)
        process = held_process(desk, examination_id)
        stop_examination(desk, examination_id)
        process.resume()
        assert ended(desk, examination_id) == "stopped"
    examine_again(desk, examination_id)
    assert ended(desk, examination_id) == "completed"


def test_an_examination_that_was_given_to_another_process_is_left_to_it(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was silent for too long writes nothing over what the other one does."""

    def examine(_desk: Desk, _root: Path, on_progress: OnProgress) -> None:
        with desk.transaction() as session:
            session.execute(update(tables.Examination).filter_by(id="shared").values(host="another", stage="theirs"))
        on_progress(Progress("indexing", 1, 2))

    monkeypatch.setattr(import_jobs, "examine", examine)
    with desk.transaction() as session:
        session.add(tables.Examination(id="shared", root=str(folder), origin="folder"))
    with pytest.raises(WorkTakenOverError):
        work_on_examination(desk, "shared")
    with desk.transaction() as session:
        row = session.get_one(tables.Examination, "shared")
        assert (row.state, row.stage, row.num_done) == ("running", "theirs", 0)
        session.delete(row)


def test_a_sent_zip_is_unpacked(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """A zip of class folders becomes a dataset; a member that leads out of it goes nowhere, a cut one is named."""
    upload = tmp_path / "upload"
    upload.mkdir()
    with zipfile.ZipFile(upload / "films.zip", "w") as archive:
        for path in sorted((folder / "train").rglob("*.jpeg"))[:30]:
            archive.write(path, f"set/{path.parent.name}/{path.name}")
        archive.writestr("../outside.jpeg", b"x")
        archive.writestr("set/NORMAL/IM-9999-0001.jpeg", path.read_bytes()[:300])
    examination_id = start_examination(desk, ExaminationRequest(origin=Origin.UPLOAD, path=upload))
    assert ended(desk, examination_id) == "completed"
    status = get_examination(desk, examination_id)
    dataset = open_dataset(desk, status.root, status.cohort_fingerprint)
    assert dataset.summary["num_usable"] == 30
    assert list(dataset.summary["problems"].values()) == ["truncated"]
    assert not (tmp_path / "outside.jpeg").exists()


def test_folders_that_may_not_or_cannot_be_examined_are_said(desk: Desk, tmp_path: Path) -> None:
    """Outside the roots, missing and empty folders end in a sentence."""
    with pytest.raises(SettingsError, match="PNEUMODESK_FILM_ROOTS"):
        start_examination(desk, ExaminationRequest(path=Path("/etc")))
    with pytest.raises(InputNotFoundError, match="no folder"):
        start_examination(desk, ExaminationRequest(path=tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    examination_id = start_examination(desk, ExaminationRequest(path=tmp_path / "empty"))
    assert ended(desk, examination_id) == "failed"
    assert str(tmp_path / "empty") in get_examination(desk, examination_id).error


def test_kaggle_without_internet_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real download call, offline, ends in a sentence that says what to do instead."""
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    examination_id = start_examination(desk, ExaminationRequest(origin=Origin.KAGGLE))
    assert ended(desk, examination_id) == "failed"
    assert "copy the data set to this machine" in get_examination(desk, examination_id).error


def test_a_saved_split_never_changes(desk: Desk, folder: Path) -> None:
    """A split is loaded as it was saved; its name is taken for good, and a table that was changed is refused."""
    cohort = indexing.index(desk, folder)
    config = SplitConfig(validation_fraction=0.2, calibration_fraction=0.1, seed=3)
    split, balance = preview_split(cohort, config)
    assert balance["films"].sum() == len(split.assignments) == 100
    saved = save_split(desk, cohort, config, "baseline", "Nurse Lee")
    loaded = split_of(desk, "baseline", cohort)
    assert loaded.assignments.to_dict() == split.assignments.to_dict()
    assert (loaded.fingerprint, loaded.config) == (split.fingerprint, config)
    with pytest.raises(CohortError, match="never change"):
        save_split(desk, cohort, SplitConfig(), "baseline")
    with pytest.raises(CohortError, match="name"):
        save_split(desk, cohort, config, "../x")
    assert [row.name for row in list_splits(desk, cohort.fingerprint)] == ["baseline"]
    assert saved.reader == "Nurse Lee"
    with desk.reading() as session:
        table = Path(session.get_one(tables.SavedSplit, "baseline").folder)
    table.write_text(table.read_text().replace("validation", "train", 1))
    with pytest.raises(CohortError, match="was changed"):
        split_of(desk, "baseline", cohort)


def test_the_card_and_the_command_line_say_the_same(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """`index --report --json` gives counts, findings and shortcuts, and a card that asks no other host for anything."""
    card = tmp_path / "card.html"
    manifest = tmp_path / "manifest.parquet"
    options = ["--report", str(card), "--manifest", str(manifest), "--json"]
    command = [sys.executable, "-m", "core", "index", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    dataset = examine(desk, folder)
    assert document["fingerprint"] == dataset.fingerprint
    assert {finding["code"] for finding in document["findings"]} == {f.code for f in dataset.audit.findings}
    assert set(document["shortcut_aucs"]) >= {"bytes_per_pixel", "height", "brightness"}
    text = card.read_text(encoding="utf-8")
    assert dataset.fingerprint in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?https?:", text)
    assert pd.read_parquet(manifest)["file"].tolist() == dataset.manifest["file"].tolist()
    write_manifest(dataset, tmp_path / "manifest.csv")
    assert pd.read_csv(tmp_path / "manifest.csv")["content_hash"].tolist() == dataset.manifest["content_hash"].tolist()
    with pytest.raises(PneumoDeskError, match=r"neither in \.csv nor in \.parquet"):
        write_manifest(dataset, tmp_path / "manifest.xlsx")


def test_the_card_holds_all_that_the_page_shows(desk: Desk, folder: Path) -> None:
    """Every figure, table, finding and saved split of the page is in the one file, and eight images in it."""
    dataset = examine(desk, folder)
    save_split(desk, indexing.index(desk, folder), SplitConfig(seed=11), "of the card", "Nurse Lee")
    # Plotly writes "/" so that no text within a figure can end its script.
    text = data_card(desk, dataset).replace("\\u002f", "/")
    titles = ["images of one patient", *(title for _, title, _ in figures.PROPERTIES), "AUC of this property alone"]
    titles += ["mean normal", "width, pixels", "pneumonia : normal", "colour mode", "bits per pixel", "subtype"]
    titles += [finding.title for finding in dataset.audit.findings] + ["of the card", "Train–test shift"]
    missing = [title for title in titles if html.escape(title) not in text and json.dumps(title)[1:-1] not in text]
    assert missing == []
    assert text.count("<img alt=") == 8 and text.count("data:image/jpeg;base64,") == 8


def test_a_folder_without_any_usable_film_has_a_card(desk: Desk, tmp_path: Path) -> None:
    """Where every file is broken the findings say so, and nothing falls over."""
    (tmp_path / "films/NORMAL").mkdir(parents=True)
    (tmp_path / "films/NORMAL/text.jpg").write_text("no picture")
    dataset = examine(desk, tmp_path / "films")
    assert {finding.code for finding in dataset.audit.findings} == {"no_labels", "file_not_a_picture"}
    assert "There is no usable image" in data_card(desk, dataset)
