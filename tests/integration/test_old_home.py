"""The home of a desk of an early schema opens after every migration: lists, searches, worklist and exports."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import inspect, select, text

from core.services.datasets.import_jobs import list_examinations
from core.services.desk import Desk
from core.services.desk.backup import back_up
from core.services.desk.backup_format import KEY_FILE
from core.services.desk.restoring import RestoreRequest, restore
from core.services.experiments.history import HistoryQuery, search_runs
from core.services.experiments.run_export import predictions_to_csv, runs_to_csv
from core.services.models.lookup import find_model
from core.services.records.export import export_records
from core.services.runs.record import get_record
from core.services.sweeps.journal import journal_of
from core.services.sweeps.search_loop import SweepTender
from core.services.sweeps.status import get_sweep, list_sweeps
from core.services.triage.batches import get_batch, list_batches
from core.services.worklist.batch_list import ranked_readings, to_csv
from core.services.worklist.label_export import export_verdicts
from core.services.worklist.studies import load_worklist
from core.services.worklist.verdicts import Verdict, give_verdict
from core.settings import AppSettings
from db import models as tables
from db.base import Base, utc_now
from tests.no_workers import let_nobody_work
from tests.old_desk import move_in, unpack_old_home
from tests.small_desk import small_desk

Old = tuple[Desk, dict[str, Any]]


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """No queue is carried out."""
    let_nobody_work(monkeypatch)


def opened(folder: Path) -> Old:
    about = unpack_old_home(folder)
    home = folder / "home"
    move_in(f"sqlite:///{home / 'pneumodesk.db'}", about, home)
    return small_desk(home), about


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Old:
    """An old desk for tests that change nothing."""
    return opened(tmp_path_factory.mktemp("old"))


@pytest.fixture
def old(tmp_path: Path) -> Old:
    """An old desk of a test's own."""
    return opened(tmp_path)


def test_runs_are_listed_with_their_figures_marks_and_failure(seen: Old) -> None:
    """Completed runs keep name, star, tag and AUC; the failed one keeps the sentence that it ended with."""
    desk, about = seen
    runs = {line.id: line for line in search_runs(desk, HistoryQuery()).lines}
    best, failed = runs[about["runs"]["best"]], runs[about["runs"]["failed"]]
    assert (best.name, best.starred, best.tags) == ("strong augmentation", True, ("first wave",))
    assert best.auc == get_record(desk, best.id).summary["metrics"]["validation"]["auc"] > 0.9
    assert failed.error == "The GPU ran out of memory at a batch of 64 films. Take a smaller batch."
    assert failed.state == "failed"


def test_checkpoints_models_and_datasets_are_found(seen: Old) -> None:
    """The run's checkpoint and its promoted version are whole where they lie, and the dataset is listed."""
    desk, about = seen
    for name in (f"run:{about['runs']['best']}", about["model"]):
        model = find_model(desk, name)
        assert model.folder.is_relative_to(desk.settings.home) and (model.folder / "weights.safetensors").is_file()
    (dataset,) = list_examinations(desk)
    assert (dataset.id, dataset.state, dataset.root) == (
        about["dataset"],
        "completed",
        desk.settings.home / "drawn_films",
    )


def test_the_worklist_shows_the_batch_with_its_findings(seen: Old) -> None:
    """Each file keeps status, code and sentence as stored; the readers' findings count, the one undone does not."""
    desk, about = seen
    batch = about["batches"]["read"]
    rows = {row["file"]: row for row in ranked_readings(desk, batch)}
    assert {file: [row["status"], row["reason_code"], row["reason"]] for file, row in rows.items()} == (
        about["batches"]["reasons"]
    )
    said = {file: sorted((one["reader"], one["verdict"]) for one in row["verdicts"]) for file, row in rows.items()}
    assert {file: one for file, one in said.items() if one} == {
        "film1.jpg": [("ada", "normal")],
        "film2.jpg": [("ada", "pneumonia"), ("ben", "normal")],
        "film4.jpg": [("ben", "not readable")],
    }
    worklist = load_worklist(desk)
    assert worklist.rules_version == 1 and worklist.rules.near_gate_share == 0.9
    assigned = worklist.studies.set_index("file")["assigned_to"].to_dict()
    assert {file: name for file, name in assigned.items() if name} == {"film3.jpg": "ben"}


def test_a_failed_batch_keeps_its_sentence(seen: Old) -> None:
    """What the old desk said of a failure is what is shown."""
    desk, about = seen
    assert get_batch(desk, about["batches"]["failed"]).error == "There is no space left on the disk."
    assert {batch.title for batch in list_batches(desk)} == {"Ward 3", "Ward 4"}


def test_exports_work(seen: Old, tmp_path: Path) -> None:
    """The batch, the runs, predictions, labels and records leave the desk; no cell begins a formula."""
    desk, about = seen
    best = about["runs"]["best"]
    listed = to_csv(ranked_readings(desk, about["batches"]["read"]))
    assert "'=SUM(A1).png" in listed
    assert best in runs_to_csv(search_runs(desk, HistoryQuery()).lines)
    checkpoint = get_record(desk, best).checkpoint_hash
    assert predictions_to_csv(desk, checkpoint, "validation").count("\n") == 61
    labels = export_verdicts(desk, "ada", tmp_path / "labels")
    assert (labels.num_films, labels.num_conflicting, labels.missing) == (1, 1, [])
    assert pd.read_csv(tmp_path / "labels" / "metadata.csv")["label"].tolist() == ["normal"]
    assert export_records(desk, [best], tmp_path / "records").run_ids == (best,)


def test_sweeps_are_open_as_they_were(seen: Old) -> None:
    """The search and the grid are listed with the states and the best value that they had."""
    desk, about = seen
    assert {line.id for line in list_sweeps(desk)} == {about["search"]["id"], about["grid"]}
    search = get_sweep(desk, about["search"]["id"])
    assert [trial.state for trial in search.trials] == about["search"]["states"]
    assert (search.best.number, search.best.value) == (about["search"]["best"], about["search"]["value"])
    assert [trial.state for trial in get_sweep(desk, about["grid"]).trials] == ["completed", "queued"]


def complete(desk: Desk, run_id: str, auc: float) -> None:
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state, run.summary, run.started_at = "completed", {"best_epoch": 4}, utc_now()
        run.finished_at = run.started_at + timedelta(minutes=2)
        for epoch in range(1, 5):
            value = auc - 0.01 * (4 - epoch)
            session.merge(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=epoch, value=value))


def goes_on(desk: Desk, about: dict[str, Any]) -> None:
    """Carry the old search to its end; its last trial is what the old desk would have drawn."""
    tender = SweepTender(desk)
    assert tender()
    complete(desk, get_sweep(desk, about["search"]["id"]).trials[-1].run_id, 0.5)
    assert tender()
    last = get_sweep(desk, about["search"]["id"]).trials[-1]
    assert (last.number, dict(last.settings)) == (13, pytest.approx(about["search"]["next"]))
    complete(desk, last.run_id, 0.7)
    tender()
    assert not tender()
    ended = get_sweep(desk, about["search"]["id"])
    assert ended.line.state == "completed" and ended.line.counts.num_done == 14


def test_an_old_search_goes_on(old: Old) -> None:
    """The waiting run is told, the pruned one stays so, and the study, now a file, draws what it would have drawn."""
    desk, about = old
    assert inspect(desk.engine).has_table("studies")
    goes_on(desk, about)
    assert set(inspect(desk.engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    assert journal_of(desk, about["search"]["id"]).is_file()


def test_an_old_search_whose_study_is_damaged_goes_on_from_its_runs(old: Old) -> None:
    """What cannot be read of the study is told again by the runs: the search draws what it would have drawn."""
    desk, about = old
    with desk.transaction() as session:
        session.execute(text("UPDATE trial_params SET distribution_json = 'no JSON'"))
    goes_on(desk, about)
    # It stays where it was for whoever may mend it; a study that was read whole leaves no table.
    assert inspect(desk.engine).has_table("studies")


def test_readers_go_on(old: Old) -> None:
    """A study of the old desk takes another finding, beside what was said of it before."""
    desk, about = old
    with desk.reading() as session:
        reading = session.scalars(select(tables.Reading).where(tables.Reading.file == "film3.jpg")).one()
    give_verdict(desk, reading.id, "cleo", Verdict.PNEUMONIA)
    row = next(row for row in ranked_readings(desk, about["batches"]["read"]) if row["file"] == "film3.jpg")
    assert [(one["reader"], one["verdict"]) for one in row["verdicts"]] == [("cleo", "pneumonia")]


def test_a_backup_of_an_old_home_goes_on_elsewhere(old: Old, tmp_path: Path) -> None:
    """Backed up and restored into another home, the search of the old desk continues."""
    desk, about = old
    SweepTender(desk)()
    back_up(desk, tmp_path / "desk.zip")
    settings = AppSettings(home=tmp_path / "elsewhere")
    restore(settings, RestoreRequest(tmp_path / "desk.zip", key_file=desk.settings.home / KEY_FILE))
    assert journal_of(small_desk(settings.home), about["search"]["id"]).stat().st_size
    goes_on(small_desk(settings.home), about)
