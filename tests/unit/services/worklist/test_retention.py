"""Deleting takes away what belongs to a batch alone, retention does so by itself, and storage is told truly."""

import asyncio
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from core.api import desk_life, standalone
from core.api.application import create_api
from core.errors import InputNotFoundError, WorklistError
from core.services.desk.audit_trail import AuditAction, AuditFilter, list_events
from core.services.desk.storage import storage_use
from core.services.triage.single_films import get_prediction, prediction_heatmap
from core.services.worklist.retention import apply_retention, delete_batch, delete_old_predictions, expired_batches
from core.services.worklist.rules import save_rules
from core.services.worklist.studies import load_worklist
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict
from core.triage.rules import WorklistRules
from db import models as tables
from db.base import utc_now
from tests.small_desk import add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path):
    return small_desk(tmp_path / "home")


def uploaded(desk, name: str, *files: str) -> Path:
    folder = desk.settings.uploads / name / "files"
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_bytes(file.encode() * 100)
    return folder


def test_a_batch_goes_with_its_uploaded_films(desk) -> None:
    """Films, heatmaps, readings and verdicts of the batch are gone; the other batch and the trail are not."""
    folder = uploaded(desk, "one", "a", "b")
    other = uploaded(desk, "two", "c")
    ids = add_batch(desk, [("a", 0.9), ("b", 0.1)], folder=folder)
    rest = add_batch(desk, [("c", 0.9)], batch_id="second", folder=other)
    (desk.settings.worklists / "first").mkdir(parents=True)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    give_verdict(desk, rest["c"], "Ada", Verdict.NORMAL)
    done = delete_batch(desk, "first", "Ada")
    assert (done.num_readings, done.num_verdicts, done.num_bytes) == (2, 1, 200)
    assert not (desk.settings.uploads / "one").exists() and not (desk.settings.worklists / "first").exists()
    assert (other / "c").exists()
    assert load_worklist(desk).studies["file"].tolist() == ["c"] and len(current_verdicts(desk)) == 1
    (event,) = list_events(desk, AuditFilter(actions=(AuditAction.DELETION,)))
    assert event.who == "Ada" and event.detail["readings"] == 2


def test_what_another_batch_has_too_stays(desk) -> None:
    """Verdicts on a film that another batch holds stay, and so does an upload that another batch was read from."""
    folder = uploaded(desk, "one", "a")
    ids = add_batch(desk, [("a", 0.9)], folder=folder)
    add_batch(desk, [("a", 0.9)], batch_id="second", folder=folder)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    delete_batch(desk, "first", "Ada")
    assert (folder / "a").exists()
    (kept,) = current_verdicts(desk)
    assert kept.reading_id is None and kept.finding == "pneumonia"


def test_films_of_the_server_are_never_touched(desk, tmp_path: Path) -> None:
    """A folder outside the uploads keeps every film."""
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "a").write_text("film")
    add_batch(desk, [("a", 0.9)], folder=folder)
    delete_batch(desk, "first", "Ada")
    assert (folder / "a").exists()


@pytest.mark.parametrize("path", ["../../elsewhere", "..", "one/../../../elsewhere", "."])
def test_no_path_leads_out_of_the_uploads(desk, tmp_path: Path, path: str) -> None:
    """A batch whose paths climb out of the uploads folder removes nothing there."""
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    folder = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], folder=folder)
    with desk.transaction() as session:
        session.get_one(tables.Batch, "first").request = {"paths": [f"{desk.settings.uploads}/{path}"]}
    delete_batch(desk, "first", "Ada")
    assert kept.exists() and desk.settings.uploads.exists()


def test_a_batch_that_is_read_is_not_deleted(desk) -> None:
    """While a process reads a batch it stays; an unknown one is a sentence."""
    folder = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], folder=folder)
    with desk.transaction() as session:
        session.get_one(tables.Batch, "first").state = "running"
    with pytest.raises(WorklistError, match="Stop it first"):
        delete_batch(desk, "first", "Ada")
    assert (folder / "a").exists()
    with pytest.raises(InputNotFoundError):
        delete_batch(desk, "unheard-of", "Ada")


def test_a_deletion_that_broke_off_can_be_done_again(desk) -> None:
    """If the films went and the rows did not, deleting again ends it."""
    folder = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], folder=folder)
    shutil.rmtree(folder)
    assert delete_batch(desk, "first", "Ada").num_readings == 1


def test_retention_deletes_what_is_past_and_nothing_else(desk) -> None:
    """Batches older than the rules allow are deleted in the name of the period; without a period none is."""
    add_batch(desk, [("old", 0.9)], hours_ago=24 * 11)
    add_batch(desk, [("new", 0.9)], batch_id="second", hours_ago=24 * 9)
    assert expired_batches(desk) == [] and apply_retention(desk) == 0
    save_rules(desk, WorklistRules(keep_days=10), "Ada")
    assert expired_batches(desk) == ["first"]
    assert apply_retention(desk) == 1
    assert load_worklist(desk).studies["file"].tolist() == ["new"]
    assert list_events(desk)[0].who == "retention period"


def add_prediction(desk, name: str, days_ago: float) -> None:
    add_batch(desk, [], batch_id=f"of {name}")
    with desk.transaction() as session:
        session.add(
            tables.Prediction(
                id=name,
                status="read",
                reason_code="normal",
                reason="by hand",
                priority="routine",
                activation_map=[[0.0, 1.0]],
                model_version_id=1,
                operating_point_id=1,
                engine="by hand",
                created_at=utc_now() - timedelta(days=days_ago),
            )
        )


def test_predictions_have_a_retention_of_their_own(tmp_path: Path) -> None:
    """What REST found of single films goes after the setting's days, is drawn no more, and the trail keeps how many."""
    desk = small_desk(tmp_path / "home", keep_predictions_days=10)
    add_prediction(desk, "old", 11)
    add_prediction(desk, "new", 9)
    assert prediction_heatmap(desk, "old")
    assert delete_old_predictions(desk) == 1
    with pytest.raises(InputNotFoundError, match="retention"):
        prediction_heatmap(desk, "old")
    assert get_prediction(desk, "new").status == "read"
    event = list_events(desk)[0]
    assert (event.who, event.subject) == ("retention period", "1 predictions")


def test_predictions_are_kept_where_no_days_are_set(desk) -> None:
    """Without the setting nothing goes."""
    add_prediction(desk, "old", 10_000)
    assert delete_old_predictions(desk) == 0 and get_prediction(desk, "old").status == "read"


def test_one_batch_that_cannot_go_holds_up_no_other(desk, monkeypatch) -> None:
    """Retention goes on past a batch whose films cannot be removed, and says so at the end."""
    save_rules(desk, WorklistRules(keep_days=10), "Ada")
    stuck = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], hours_ago=24 * 12, folder=stuck)
    add_batch(desk, [("b", 0.9)], batch_id="second", hours_ago=24 * 11)
    remove = shutil.rmtree

    def refuse(folder: Path, **asked) -> None:
        if folder == stuck.parent:
            raise PermissionError(13, "Permission denied", str(folder))
        remove(folder, **asked)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(WorklistError, match="cannot be removed"):
        apply_retention(desk)
    assert load_worklist(desk).studies["file"].tolist() == ["a"]


def test_a_server_applies_retention_every_hour(tmp_path: Path, monkeypatch) -> None:
    """What an hour does deletes old batches and predictions though no batch ends, whatever fails beside them."""
    desk = small_desk(tmp_path / "home", keep_predictions_days=10)
    save_rules(desk, WorklistRules(keep_days=10), "Ada")
    add_batch(desk, [("old", 0.9)], hours_ago=24 * 11)
    add_prediction(desk, "old", 11)
    monkeypatch.setattr(desk_life, "open_desk", lambda: desk)
    monkeypatch.setattr(desk_life, "clean_uploads", refuse_all)
    desk_life.make_room()
    assert load_worklist(desk).studies.empty
    with pytest.raises(InputNotFoundError):
        get_prediction(desk, "old")


@pytest.mark.parametrize("life", [desk_life.desk_life, standalone._lifespan])
def test_every_server_makes_room_again_and_again(monkeypatch, life) -> None:
    """Dashboard and API by itself both begin to make room when they start, and go on."""
    rounds = threading.Semaphore(0)
    monkeypatch.setattr(desk_life, "make_room", rounds.release)
    monkeypatch.setattr(desk_life, "SECONDS_BETWEEN_CLEANINGS", 0.001)
    server = create_api()
    monkeypatch.setattr(server.state.film_desk.model, "load_in_background", lambda: None)

    async def live() -> None:
        async with life(server):
            for _ in range(3):
                assert await asyncio.to_thread(rounds.acquire, timeout=60)

    asyncio.run(live())


def refuse_all(desk) -> None:
    raise OSError("the uploads cannot be read")


def test_storage_adds_up(desk) -> None:
    """What is told of uploads and database is what lies there."""
    uploaded(desk, "one", "a", "bb")
    uses = {use.what: use for use in storage_use(desk)}
    assert (uses["uploaded films"].num_bytes, uses["uploaded films"].num_files) == (300, 2)
    on_disk = sum(path.stat().st_size for path in desk.settings.home.rglob("*") if path.is_file())
    assert sum(use.num_bytes for use in uses.values()) == on_disk
