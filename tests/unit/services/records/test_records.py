"""Records of runs: what leaves the desk names nobody, what comes from elsewhere is never changed."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from core.errors import DatabaseError, InputNotFoundError, PneumoDeskError, TrainingError
from core.reasons import Said, store
from core.services.desk import Desk, open_desk
from core.services.evaluation import test_set_access
from core.services.evaluation.stored_results import load_evaluation
from core.services.experiments.annotations import delete_runs, write_note
from core.services.experiments.comparison import CompareRequest, compare_runs
from core.services.experiments.history import HistoryQuery, search_runs
from core.services.experiments.purge import purge_runs, purgeable_runs
from core.services.experiments.run_tables import run_table
from core.services.models.lookup import STARTER_FOLDER
from core.services.records.documents import fingerprint_of
from core.services.records.export import export_records
from core.services.records.importing import import_records
from core.services.runs import control as run_control
from core.services.runs.listing import list_runs
from core.services.runs.record import get_record
from core.settings import AppSettings
from core.work_reasons import RunLost, Worded
from db import models as tables
from db.base import utc_now
from tests.made_runs import add_run, made_films

RUNS = ("first0", "second")
SPLITS = ("validation", "calibration", "holdout", "test")
HALTED = (Worded("There is no folder {folder}.", None, {"folder": "/data/ward-7/films"}), RunLost("silent", "gpu-1"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with two finished runs on the same images and one that stopped."""
    desk = open_desk(AppSettings(home=tmp_path_factory.mktemp("home")))
    films = made_films(60, prefix="train/PNEUMONIA/person")
    for seed, run_id in enumerate(RUNS):
        add_run(desk, run_id, name=run_id, seed=seed, films=films, splits=SPLITS)
    add_run(desk, "halted", state="stopped")
    add_run(desk, "waits0", state="queued")
    with desk.transaction() as session:
        session.get_one(tables.Run, "halted").reasons = store(HALTED)
    with pytest.MonkeyPatch.context() as patched:
        # However busy the machine, all tests are within one look's time.
        patched.setattr(test_set_access, "SAME_LOOK", timedelta(days=1))
        load_evaluation(desk, "first0-checkpoint", "test")
        yield desk


@pytest.fixture(scope="module")
def records(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records") / "records"
    export_records(desk, (*RUNS, "halted"), folder)
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Desk:
    return open_desk(AppSettings(home=tmp_path / "other"))


def test_what_leaves_names_no_film_no_patient_and_no_folder(desk: Desk, records: Path) -> None:
    """No file name, patient or path is in any document; test images have what each access gave, no predictions."""
    text = "".join(path.read_text() for path in records.rglob("*.json"))
    for name in ("person", "patient ", ".png", str(desk.settings.home), "ward-7"):
        assert name not in text
    document = json.loads((records / "runs/first0.json").read_text())
    assert {one["split"] for one in document["predictions"]} == set(SPLITS) - {"test"}
    assert [(one["split"], one["occasion"]) for one in document["openings"]] == [
        ("test", "looked at"),
        ("holdout", "exported"),
    ]
    assert len(list((records / "films").iterdir())) == 1


def test_a_desk_that_imports_shows_what_the_first_showed(desk: Desk, records: Path, other: Desk) -> None:
    """Config, epochs, lineage and figures are the same; comparisons and tables of the runs give the same numbers."""
    result = import_records(other, records)
    assert set(result.imported) == {*RUNS, "halted"} and not result.problems
    here, there = get_record(other, "first0"), get_record(desk, "first0")
    assert here.imported and not there.imported
    for name in ("name", "state", "config", "epochs", "summary", "checkpoint_hash", "cohort_fingerprint"):
        assert getattr(here, name) == getattr(there, name)
    assert here.lineage["Split fingerprint"] == there.lineage["Split fingerprint"]
    compared = [compare_runs(one, CompareRequest(runs=RUNS)).verdicts[0].auc for one in (desk, other)]
    assert compared[0] == compared[1]
    rows = [run_table(one, RUNS).rows for one in (desk, other)]
    assert [row.figures for row in rows[0]] == [row.figures for row in rows[1]]
    lines = search_runs(other, HistoryQuery()).lines
    assert len(lines) == 3 and all(line.imported for line in lines)
    assert import_records(other, records).known == result.imported


def test_why_a_run_ended_comes_as_codes(records: Path, other: Desk) -> None:
    """Its reasons are kept as they were, but for paths; the document also says them in English for other programs."""
    document = json.loads((records / "runs/halted.json").read_text())
    assert document["error"] == (
        "There is no folder (a path). Nothing has been heard for minutes of this run's process on gpu-1."
    )
    import_records(other, records)
    with other.reading() as session:
        kept = session.get_one(tables.Run, "halted").reasons
    assert kept == store((Worded("There is no folder {folder}.", None, {"folder": "(a path)"}), HALTED[1]))


CHANGED_REASONS = {
    "none, as an earlier version wrote it": [],
    "other codes than the sentence": store([RunLost("ended", None)]),
    "a code of a later version": [{"code": "tilted_tube", "values": {"degrees": 4}}],
    "a value too few": [{"code": "run_lost", "values": {}}],
    "no values": [{"code": "run_lost"}],
    "values that are a number": [{"code": "run_lost", "values": 3}],
    "a message of another shape": [{"code": "worded", "values": {"message": 3, "plural": None, "filled": []}}],
}


@pytest.mark.parametrize("reasons", CHANGED_REASONS.values(), ids=CHANGED_REASONS)
def test_codes_that_do_not_say_the_sentence_are_not_kept(
    records: Path, other: Desk, tmp_path: Path, reasons: list[object]
) -> None:
    """What the document says in words is what is shown, whatever its codes are."""
    folder = shutil.copytree(records, tmp_path / "copied")
    path = folder / "runs/halted.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "reasons": reasons, "error": "It rained."}))
    index = json.loads((folder / "index.json").read_text())
    index["documents"]["runs/halted.json"] = fingerprint_of(path.read_bytes())
    (folder / "index.json").write_text(json.dumps(index))
    assert not import_records(other, folder).problems
    with other.reading() as session:
        assert session.get_one(tables.Run, "halted").reasons == store([Said("It rained.")])


def test_an_imported_record_is_never_changed(records: Path, other: Desk) -> None:
    """Run and epochs are not changed, added to or deleted; it cannot continue; people may still annotate it."""
    import_records(other, records)
    changes = (
        update(tables.Run).where(tables.Run.id == "first0").values(name="better"),
        delete(tables.Run).where(tables.Run.id == "first0"),
        update(tables.RunMetric).values(value=1.0),
        delete(tables.RunMetric),
        delete(tables.ImportedRecord),
        update(tables.ImportedRecord).values(document_hash="0"),
    )
    for change in changes:
        with pytest.raises(DatabaseError, match="never changed"), other.transaction() as session:
            session.execute(change)
    with pytest.raises(DatabaseError, match="never changed"), other.transaction() as session:
        session.add(tables.RunMetric(run_id="first0", name="validation_auc", epoch=9, value=1.0))
    with pytest.raises(TrainingError):
        run_control.resume(other, "halted")
    delete_runs(other, ["first0"])
    with pytest.raises(PneumoDeskError, match="only put it away"):
        purge_runs(other, ["first0"], "reader")
    assert purgeable_runs(other, utc_now() + timedelta(days=3)) == ()
    write_note(other, "first0", "seen")
    assert get_record(other, "first0").note == "seen"


def test_a_damaged_record_harms_no_other(records: Path, other: Desk, tmp_path: Path) -> None:
    """A changed document and one that points out of the folder are named in a sentence; the others come."""
    folder = shutil.copytree(records, tmp_path / "copied")
    changed = folder / "runs/first0.json"
    changed.write_text(changed.read_text().replace('"completed"', '"failed"', 1))
    index = json.loads((folder / "index.json").read_text())
    index["documents"]["runs/../../outside.json"] = "0" * 64
    (folder / "index.json").write_text(json.dumps(index))
    result = import_records(other, folder)
    assert set(result.imported) == {"second", "halted"}
    assert any("was changed" in problem for problem in result.problems)
    assert any("outside the folder" in problem for problem in result.problems)


UNFIT = {
    "figures of another shape": {"summary": {"metrics": {"validation": [0.9]}}},
    "figures in words": {"summary": {"metrics": {"validation": {"auc": "high"}}}},
    "metrics that are a list": {"summary": {"metrics": [1, 2]}},
    "an interval of one number": {"summary": {"metrics": {"validation": {"auc": 0.9, "ci": {"auc": [0.8]}}}}},
    "packages that are a text": {"environment": {"packages": "torch 2"}},
    "a seed that is a list": {"config": {"architecture": "resnet18", "seed": [1]}},
    "a date without a zone": {"created_at": "2026-01-01T00:00:00"},
    "a date before all time zones": {"created_at": "0001-01-01T00:00:00+14:00"},
    "an epoch beyond every database": {"epochs": [{"epoch": 2**63, "validation_auc": 0.5}]},
    "two epochs of one number": {"epochs": [{"epoch": 1, "a": 0.5}, {"epoch": 1, "a": 0.6}]},
    "a figure that is no number": {"epochs": [{"epoch": 1, "validation_auc": float("nan")}]},
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_record_that_could_not_be_shown_is_left_out_alone(
    case: str, records: Path, other: Desk, tmp_path: Path
) -> None:
    """The unfit document is named in a sentence, the other two come, and the history shows them."""
    folder = shutil.copytree(records, tmp_path / "copied")
    path = folder / "runs/halted.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **UNFIT[case]}))
    index = json.loads((folder / "index.json").read_text())
    index["documents"]["runs/halted.json"] = fingerprint_of(path.read_bytes())
    (folder / "index.json").write_text(json.dumps(index))
    result = import_records(other, folder)
    assert set(result.imported) == set(RUNS)
    assert len(result.problems) == 1 and "halted" in result.problems[0]
    assert {line.id for line in search_runs(other, HistoryQuery()).lines} == set(RUNS)


def test_a_stored_record_that_cannot_be_read_is_shown_as_such(tmp_path: Path) -> None:
    """One that an older version let in disables no list, table or page: it stands among the others and says so."""
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    add_run(desk, "sound0")
    add_run(desk, "unfit0")
    with desk.transaction() as session:
        run = session.get_one(tables.Run, "unfit0")
        run.summary, run.environment = {"metrics": {"validation": [0.9]}}, {"packages": "torch 2"}
    lines = {line.id: line for line in search_runs(desk, HistoryQuery()).lines}
    assert lines["sound0"].error is None and lines["sound0"].auc is not None
    assert lines["unfit0"].auc is None
    for error in (lines["unfit0"].error, get_record(desk, "unfit0").error):
        assert error is not None and "cannot be read in full" in error and "summary.metrics.validation" in error
    assert {run["id"]: run["validation_auc"] for run in list_runs(desk)}["unfit0"] is None
    assert len(run_table(desk, ("sound0", "unfit0")).rows) >= 1


def test_the_lineage_says_what_each_session_computed_on(tmp_path: Path) -> None:
    """A run that was resumed on another device names both, in order; an older record says none."""
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    add_run(desk, "moved0")
    add_run(desk, "older0")
    sessions = [{"device": "cpu", "precision": "fp32"}, {"device": "cuda:0", "precision": "bf16", "GPU": "Some card"}]
    with desk.transaction() as session:
        run = session.get_one(tables.Run, "moved0")
        run.environment = {**run.environment, "computing": sessions}
    said = get_record(desk, "moved0").lineage["Computed on"]
    assert said == "device cpu, precision fp32; then device cuda:0, precision bf16, GPU Some card"
    assert get_record(desk, "older0").lineage["Computed on"] == "–"


def test_a_record_without_its_films_leaves_nothing_behind(records: Path, other: Desk, tmp_path: Path) -> None:
    """Where the images' document is gone, the run is left out whole, and named."""
    folder = shutil.copytree(records, tmp_path / "copied")
    shutil.rmtree(folder / "films")
    result = import_records(other, folder)
    assert result.imported == ("halted",) and len(result.problems) == 2
    assert search_runs(other, HistoryQuery()).num_all == 1


def test_the_model_in_the_box_brings_its_run(other: Desk) -> None:
    """The records beside the starter's weights are imported like any other, with their epochs and figures."""
    found = {record["id"]: record for record in map(json.loads, map(Path.read_text, STARTER_FOLDER.rglob("run.json")))}
    assert found and set(import_records(other, STARTER_FOLDER).imported) == set(found)
    for run_id, stored in found.items():
        record = get_record(other, run_id)
        assert record.imported and record.checkpoint_hash == stored["checkpoint_hash"]
        assert [dict(epoch) for epoch in record.epochs] == stored["epochs"]


def test_what_is_no_record_is_a_sentence(desk: Desk, other: Desk, tmp_path: Path) -> None:
    """A run that has not ended is not exported; an empty folder and a file that is none are not imported."""
    with pytest.raises(PneumoDeskError, match="only runs that have ended"):
        export_records(desk, ["waits0"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputNotFoundError, match="no records"):
        import_records(other, tmp_path)
    (tmp_path / "run.json").write_text('{"id": "x"}')
    with pytest.raises(PneumoDeskError, match="is no record of a run"):
        import_records(other, tmp_path)


def test_a_folder_of_this_machine_in_a_config_is_not_published(desk: Desk, tmp_path: Path) -> None:
    """A path that stands where no rule takes it out stops the export, and names the record."""
    films = made_films(60)
    add_run(desk, "leaky0", films=films)
    with desk.transaction() as session:
        run = session.get_one(tables.Run, "leaky0")
        run.config = {**run.config, "weights_file": "/somewhere/w.pth", "extra": f"{desk.settings.home}/w"}
    with pytest.raises(PneumoDeskError, match="names a folder of this machine"):
        export_records(desk, ["leaky0"], tmp_path / "out")
