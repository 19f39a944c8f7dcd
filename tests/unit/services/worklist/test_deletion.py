"""A batch is deleted by its name, leaves every list at once, can be restored for a day, and then goes for good."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.errors import InputNotFoundError, WorklistError
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, AuditFilter, list_events
from core.services.triage.batches import get_batch, list_batches, resume_batch
from core.services.triage.overview import describe_desk
from core.services.worklist.agreement import report_agreement
from core.services.worklist.batch_list import ranked_readings
from core.services.worklist.deletion import (
    UNDO_PERIOD,
    delete_batch,
    describe_deletion,
    list_deleted,
    purge_batch,
    purge_deleted,
    restore_batch,
)
from core.services.worklist.reading_detail import get_reading
from core.services.worklist.reports import ExportFormat, export_study
from core.services.worklist.studies import count_bands, has_readings, load_worklist, place_reading, worklist_version
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict, last_verdict
from db import models as tables
from db.base import utc_now
from tests.small_desk import add_batch, small_desk, uploaded


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path / "home")


def purge(desk: Desk) -> int:
    """What the hour a day later deletes for good."""
    return purge_deleted(desk, utc_now() + UNDO_PERIOD)


def test_only_its_name_deletes_a_batch_and_the_counts_are_said(desk: Desk) -> None:
    """Another name, or none, leaves the batch as it is and says what it is called and what would be lost."""
    folder = uploaded(desk, "one", "a", "b")
    ids = add_batch(desk, [("a", 0.9), ("b", 0.1)], folder=folder)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    give_verdict(desk, ids["a"], "Bob", Verdict.UNSURE)
    for name in ("", "second", "firs"):
        with pytest.raises(WorklistError, match=r"called 'first'.* 2 AI results, 2 readers' findings, 0.0 MB"):
            delete_batch(desk, "first", name, "Ada")
    assert len(load_worklist(desk).studies) == 2 and list_deleted(desk) == []
    done = delete_batch(desk, "first", " first ", "Ada")
    assert (done.num_readings, done.num_verdicts, done.num_bytes) == (2, 2, 200)


def test_a_deleted_batch_is_on_no_list(desk: Desk) -> None:
    """Worklist, batches, counts, exports, agreement, overview, undo and every address take it for gone."""
    ids = add_batch(desk, [("a", 0.9)])
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    before = worklist_version(desk)
    delete_batch(desk, "first", "first", "Ada")
    assert worklist_version(desk) != before
    assert load_worklist(desk).studies.empty and load_worklist(desk, "first").studies.empty
    assert list_batches(desk) == [] and not has_readings(desk)
    assert report_agreement(desk).num_judged == 0 and last_verdict(desk, "Ada") is None
    assert describe_desk(desk).num_readings == 0
    for look in (
        lambda: get_batch(desk, "first"),
        lambda: ranked_readings(desk, "first"),
        lambda: resume_batch(desk, "first"),
        lambda: get_reading(desk, ids["a"]),
        lambda: place_reading(desk, ids["a"]),
        lambda: export_study(desk, ids["a"], ExportFormat.CSV),
        lambda: give_verdict(desk, ids["a"], "Ada", Verdict.UNSURE),
        lambda: delete_batch(desk, "first", "first", "Ada"),
    ):
        with pytest.raises(InputNotFoundError):
            look()


def test_a_film_of_two_batches_is_seen_by_the_one_that_is_left(desk: Desk) -> None:
    """With the newer batch deleted a study stands with the older one's reading, and with its verdict."""
    ids = add_batch(desk, [("a", 0.2)], contents={"a": "film"})
    add_batch(desk, [("b", 0.9)], batch_id="second", contents={"b": "film"})
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    assert describe_deletion(desk, "second").num_verdicts == 0
    delete_batch(desk, "second", "second", "Ada")
    (row,) = load_worklist(desk).studies.to_dict("records")
    assert (row["file"], row["band"], row["num_readers"]) == ("a", "routine", 1)


def test_within_a_day_all_comes_back(desk: Desk) -> None:
    """Restored, the batch stands where it stood, with its verdicts and images, and the trail has both."""
    folder = uploaded(desk, "one", "a")
    ids = add_batch(desk, [("a", 0.9)], folder=folder)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL, "clear")
    before = (ranked_readings(desk, "first"), count_bands(desk, ["first"]))
    delete_batch(desk, "first", "first", "Ada")
    assert purge_deleted(desk, utc_now() + UNDO_PERIOD - timedelta(minutes=1)) == 0
    deleted = worklist_version(desk)
    assert restore_batch(desk, "first", "Bob") == "first"
    after = (ranked_readings(desk, "first"), count_bands(desk, ["first"]))
    assert [without_wait(row) for row in after[0]] == [without_wait(row) for row in before[0]]
    assert after[1] == before[1] and (folder / "a").exists() and worklist_version(desk) != deleted
    events = list_events(desk, AuditFilter(actions=(AuditAction.DELETION, AuditAction.UNDO)))
    assert [(event.who, event.action) for event in events] == [("Bob", "undo"), ("Ada", "deletion")]
    with pytest.raises(InputNotFoundError):
        restore_batch(desk, "first", "Bob")


def without_wait(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "waited_hours"}


def test_after_a_day_it_cannot_be_restored(desk: Desk) -> None:
    """Once the day is over, a batch that the hour has not purged yet is refused in a sentence."""
    add_batch(desk, [("a", 0.9)])
    delete_batch(desk, "first", "first", "Ada")
    with desk.transaction() as session:
        session.get_one(tables.Batch, "first").deleted_at = utc_now() - UNDO_PERIOD
    with pytest.raises(WorklistError, match="over a day ago"):
        restore_batch(desk, "first", "Ada")


def test_a_day_later_a_batch_goes_with_its_uploaded_films(desk: Desk) -> None:
    """Images, heatmaps, readings and verdicts of the batch are gone; the other batch and the trail are not."""
    folder, other = uploaded(desk, "one", "a", "b"), uploaded(desk, "two", "c")
    ids = add_batch(desk, [("a", 0.9), ("b", 0.1)], folder=folder)
    rest = add_batch(desk, [("c", 0.9)], batch_id="second", folder=other)
    (desk.settings.worklists / "first").mkdir(parents=True)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    give_verdict(desk, rest["c"], "Ada", Verdict.NORMAL)
    delete_batch(desk, "first", "first", "Ada")
    assert folder.exists()
    assert purge(desk) == 1 and purge(desk) == 0
    assert not (desk.settings.uploads / "one").exists() and not (desk.settings.worklists / "first").exists()
    assert (other / "c").exists() and list_deleted(desk) == []
    assert load_worklist(desk).studies["file"].tolist() == ["c"] and len(current_verdicts(desk)) == 1
    with desk.reading() as session:
        assert session.scalars(select(tables.Reading.batch_id)).all() == ["second"]
    events = list_events(desk, AuditFilter(actions=(AuditAction.DELETION,)))
    assert [(event.who, event.detail["readings"]) for event in events] == [("undo period", 2), ("Ada", 2)]


def test_what_another_batch_has_too_stays(desk: Desk) -> None:
    """Verdicts on an image that another batch holds stay, and so does an upload that another batch was read from."""
    folder = uploaded(desk, "one", "a")
    ids = add_batch(desk, [("a", 0.9)], folder=folder)
    add_batch(desk, [("a", 0.9)], batch_id="second", folder=folder)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    delete_batch(desk, "first", "first", "Ada")
    purge(desk)
    assert (folder / "a").exists()
    (kept,) = current_verdicts(desk)
    assert kept.reading_id is None and kept.finding == "pneumonia"


def test_what_a_deleted_batch_shares_with_one_that_can_be_restored_stays(desk: Desk) -> None:
    """Of two deleted batches with one image the first to go leaves image and verdict for the other."""
    folder = uploaded(desk, "one", "a")
    ids = add_batch(desk, [("a", 0.9)], folder=folder)
    add_batch(desk, [("a", 0.9)], batch_id="second", folder=folder)
    give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    delete_batch(desk, "first", "first", "Ada")
    delete_batch(desk, "second", "second", "Ada")
    purge_batch(desk, "first", "Ada")
    restore_batch(desk, "second", "Ada")
    assert (folder / "a").exists() and load_worklist(desk).studies["num_readers"].tolist() == [1]


def test_films_of_the_server_are_never_touched(desk: Desk, tmp_path: Path) -> None:
    """A folder outside the uploads keeps every image."""
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "a").write_text("film")
    add_batch(desk, [("a", 0.9)], folder=folder)
    delete_batch(desk, "first", "first", "Ada")
    assert purge(desk) == 1
    assert (folder / "a").exists()


@pytest.mark.parametrize("path", ["../../elsewhere", "..", "one/../../../elsewhere", "."])
def test_no_path_leads_out_of_the_uploads(desk: Desk, tmp_path: Path, path: str) -> None:
    """A batch whose paths climb out of the uploads folder removes nothing there."""
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    folder = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], folder=folder)
    with desk.transaction() as session:
        session.get_one(tables.Batch, "first").request = {"paths": [f"{desk.settings.uploads}/{path}"]}
    delete_batch(desk, "first", "first", "Ada")
    assert purge(desk) == 1
    assert kept.exists() and desk.settings.uploads.exists()


def test_a_batch_that_is_read_is_not_deleted(desk: Desk) -> None:
    """While a process reads a batch it stays; an unknown one is a sentence."""
    folder = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], folder=folder)
    with desk.transaction() as session:
        session.get_one(tables.Batch, "first").state = "running"
    with pytest.raises(WorklistError, match="Stop it first"):
        delete_batch(desk, "first", "first", "Ada")
    assert (folder / "a").exists()
    with pytest.raises(InputNotFoundError):
        delete_batch(desk, "unheard-of", "", "Ada")


def test_a_purge_that_broke_off_is_done_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that cannot be removed leave a batch that nobody can restore by half, and the next hour ends it."""
    folder = uploaded(desk, "one", "a")
    add_batch(desk, [("a", 0.9)], folder=folder)
    delete_batch(desk, "first", "first", "Ada")

    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    with monkeypatch.context() as broken:
        broken.setattr(shutil, "rmtree", refuse)
        with pytest.raises(WorklistError, match="cannot be removed"):
            purge_batch(desk, "first", "Ada")
    with pytest.raises(WorklistError, match="no longer be restored"):
        restore_batch(desk, "first", "Ada")
    assert purge_deleted(desk) == 1 and not folder.exists()
