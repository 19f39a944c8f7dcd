"""Verdicts are kept with reader and time, never overwritten, and can be undone."""

import threading
from pathlib import Path

import pytest

from core.errors import InputNotFoundError, WorklistError
from core.services.desk.audit_trail import AuditAction, AuditFilter, list_events
from core.services.worklist.verdicts import (
    LONGEST_NOTE,
    Verdict,
    current_verdicts,
    give_verdict,
    last_verdict,
    undo_verdict,
    verdict_history,
)
from db import models as tables
from tests.small_desk import CHECKPOINT, add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path):
    return small_desk(tmp_path / "home")


@pytest.fixture
def reading(desk) -> int:
    return add_batch(desk, [("a.png", 0.9), ("b.png", 0.1)])["a.png"]


def said(rows) -> list[tuple[str, str, bool]]:
    return [(row.reader, row.verdict.value, row.is_current) for row in rows]


def test_two_readers_stand_side_by_side(desk, reading: int) -> None:
    """Two readers' verdicts on one study are both kept, with what the model had said of it."""
    give_verdict(desk, reading, "Ada", Verdict.PNEUMONIA, "left lower lobe")
    give_verdict(desk, reading, "Bob", Verdict.NORMAL)
    ada, bob = current_verdicts(desk)
    assert (ada.reader, ada.verdict, ada.note) == ("Ada", Verdict.PNEUMONIA, "left lower lobe")
    assert (bob.reader, bob.verdict) == ("Bob", Verdict.NORMAL)
    assert (ada.probability, ada.finding, ada.checkpoint_hash) == (0.9, "pneumonia", CHECKPOINT)


def test_a_second_thought_counts_and_the_first_stays(desk, reading: int) -> None:
    """A reader's newer verdict counts; the one before is in the history."""
    give_verdict(desk, reading, "Ada", Verdict.UNSURE)
    give_verdict(desk, reading, "Ada", Verdict.NORMAL)
    study = current_verdicts(desk)[0].study
    assert said(verdict_history(desk, study)) == [("Ada", "unsure", False), ("Ada", "normal", True)]


def test_undo_brings_the_one_before_back(desk, reading: int) -> None:
    """What is undone stops counting, the verdict before it counts again, and nothing is erased."""
    give_verdict(desk, reading, "Ada", Verdict.UNSURE)
    second = give_verdict(desk, reading, "Ada", Verdict.NORMAL)
    undo_verdict(desk, second, "Ada")
    undo_verdict(desk, second, "Ada")
    study = current_verdicts(desk)[0].study
    assert said(verdict_history(desk, study)) == [("Ada", "unsure", True), ("Ada", "normal", False)]
    undo_verdict(desk, last_verdict(desk, "Ada").id, "Ada")
    assert last_verdict(desk, "Ada") is None and current_verdicts(desk) == []
    assert len(verdict_history(desk, study)) == 2


def test_nobody_takes_back_anothers_verdict(desk, reading: int) -> None:
    """A verdict is undone by its own reader only."""
    given = give_verdict(desk, reading, "Ada", Verdict.NORMAL)
    with pytest.raises(WorklistError, match="Only Ada"):
        undo_verdict(desk, given, "Bob")
    assert len(current_verdicts(desk)) == 1


def test_verdicts_at_one_moment_are_all_kept(desk, reading: int) -> None:
    """Eight readers who evaluate one study at the same moment lose nothing, and each undo of one is done once."""
    gate = threading.Barrier(8)
    ids: list[int] = []

    def judge(number: int) -> None:
        gate.wait()
        ids.append(give_verdict(desk, reading, f"Reader {number}", Verdict.NORMAL))

    def take_back(_number: int) -> None:
        gate.wait()
        undo_verdict(desk, first, reader)

    for work in (judge, take_back):
        if work is take_back:
            assert len(current_verdicts(desk)) == len(set(ids)) == 8
            first, reader = current_verdicts(desk)[0].id, current_verdicts(desk)[0].reader
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(current_verdicts(desk)) == 7
    assert len(list_events(desk, AuditFilter(actions=(AuditAction.UNDO,)))) == 1


def test_every_verdict_stands_in_the_trail(desk, reading: int) -> None:
    """Verdict and undo are in the audit log with reader, file and what was said."""
    undo_verdict(desk, give_verdict(desk, reading, "Ada", Verdict.NORMAL), "Ada")
    undo, verdict = list_events(desk)
    assert (verdict.who, verdict.action, verdict.subject) == ("Ada", "verdict", "a.png")
    assert verdict.detail["verdict"] == "normal"
    assert undo.action == "undo"


@pytest.mark.parametrize("name", [None, "", "  ", "\0", "x" * 129])
def test_a_verdict_needs_a_reader(desk, reading: int, name: str | None) -> None:
    """Without a name that can be saved no verdict is."""
    with pytest.raises(WorklistError):
        give_verdict(desk, reading, name, Verdict.NORMAL)
    assert list_events(desk) == []


def test_a_note_is_kept_to_the_letter_or_refused(desk, reading: int) -> None:
    """Hostile notes are kept as they are; one that is too long is refused with its length, and nothing is kept."""
    note = "=1+1 <script>alert(1)</script> **bold** \u202e 𝔘 '; DROP TABLE verdict; --"
    give_verdict(desk, reading, "Ada", Verdict.NORMAL, note)
    assert current_verdicts(desk)[0].note == note
    with pytest.raises(WorklistError, match="4,001 characters"):
        give_verdict(desk, reading, "Bob", Verdict.NORMAL, "x" * (LONGEST_NOTE + 1))
    assert len(current_verdicts(desk)) == 1


def test_a_reading_that_is_gone_is_a_sentence(desk) -> None:
    """A verdict on a reading that was deleted meanwhile says so."""
    with pytest.raises(InputNotFoundError, match="no longer"):
        give_verdict(desk, 99, "Ada", Verdict.NORMAL)


def test_a_full_disk_is_said_and_loses_nothing(desk, reading: int) -> None:
    """When the database cannot grow, the verdict is refused in a sentence and those before it stand."""
    from core.errors import DatabaseError

    give_verdict(desk, reading, "Ada", Verdict.NORMAL)
    with desk.reading() as session:
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseError, match="disk is full"):
        for number in range(200):
            give_verdict(desk, reading, f"Reader {number}", Verdict.NORMAL, "x" * LONGEST_NOTE)
    kept = current_verdicts(desk)
    with desk.reading() as session:
        assert session.query(tables.AuditEvent).count() == len(kept)
