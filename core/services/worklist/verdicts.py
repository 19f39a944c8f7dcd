"""Readers' verdicts on studies: each is kept with reader, time and what the model had said; none replaces another's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy import func as sql
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError, WorklistError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.reader_names import checked_name
from core.services.triage.kept import kept_batches, kept_reading
from db import models as tables

LONGEST_NOTE = 4000


class Verdict(StrEnum):
    """What a reader finds in a study; the values are stored."""

    PNEUMONIA = "pneumonia"
    NORMAL = "normal"
    UNSURE = "unsure"
    NOT_READABLE = "not readable"


@dataclass(frozen=True)
class VerdictRow:
    """One verdict with what the model had said of the image at that time."""

    id: int
    study: str
    reading_id: int | None
    reader: str
    verdict: Verdict
    note: str
    checkpoint_hash: str | None
    probability: float | None
    finding: str | None
    when: datetime
    is_current: bool = True

    def document(self) -> dict[str, Any]:
        """Return what the reader said as documents have it."""
        return {"reader": self.reader, "verdict": self.verdict.value, "note": self.note, "when": self.when.isoformat()}


def give_verdict(desk: Desk, reading_id: int, reader: str | None, verdict: Verdict, note: str = "") -> int:
    """Keep a reader's verdict on the study of a reading, and return its id; an earlier one stays in the history.

    Raises InputNotFoundError for a reading that is gone and WorklistError for a reader without a name or a
    note that is too long.
    """
    reader, note = checked_name(reader), note.replace("\0", "").strip()
    if len(note) > LONGEST_NOTE:
        raise WorklistError(
            tr(
                "The note has {num_characters:,} characters; at most {longest:,} are kept. Shorten it and save again.",
                num_characters=len(note),
                longest=LONGEST_NOTE,
            )
        )
    with desk.transaction() as session:
        reading = kept_reading(session, reading_id)
        row = tables.Verdict(
            study=reading.study,
            reading_id=reading.id,
            reader=reader,
            verdict=verdict.value,
            note=note,
            checkpoint_hash=reading.batch.model_version.checkpoint_hash,
            operating_point_id=reading.batch.operating_point_id,
            probability=reading.probability,
            finding=reading.finding,
        )
        session.add(row)
        record_event(
            session,
            reader,
            AuditAction.VERDICT,
            reading.file,
            verdict=verdict.value,
            study=reading.study[:16],
            batch=reading.batch_id,
        )
        session.flush()
        return row.id


def verdicts_in_words(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return `verdicts`, `notes` and `judged_at` (UTC) of documents' verdicts, each a text that names the readers."""
    named = {"verdicts": "verdict", "notes": "note", "judged_at": "when"}
    return {
        column: "; ".join(f"{row['reader']}: {row[field]}" for row in verdicts if row[field])
        for column, field in named.items()
    }


def undo_verdict(desk: Desk, verdict_id: int, reader: str | None) -> VerdictRow:
    """Undo a verdict of the reader's own by a further row, and return it; once undone, nothing happens.

    The verdict before it counts again. Raises InputNotFoundError and WorklistError.
    """
    reader = checked_name(reader)
    with desk.transaction() as session:
        row = session.get(tables.Verdict, verdict_id)
        if row is None or row.verdict is None:
            raise InputNotFoundError(tr("This finding is no longer on the desk."))
        if row.reader != reader:
            raise WorklistError(tr("Only {reader} can undo this finding.", reader=row.reader))
        undone = session.scalar(select(tables.Verdict.id).where(tables.Verdict.undoes_id == row.id))
        if undone is None:
            session.add(
                tables.Verdict(study=row.study, reading_id=row.reading_id, reader=reader, note="", undoes_id=row.id)
            )
            file = session.scalar(select(tables.Reading.file).where(tables.Reading.id == row.reading_id))
            record_event(
                session, reader, AuditAction.UNDO, file or row.study, verdict=row.verdict, study=row.study[:16]
            )
        return _row(row, is_current=False)


def last_verdict(desk: Desk, reader: str) -> VerdictRow | None:
    """Return the newest verdict of a reader that counts: the one that undo would take back."""
    verdict, reading = tables.Verdict, tables.Reading
    on_desk = select(reading.id).where(reading.study == verdict.study, reading.batch_id.in_(kept_batches())).exists()
    with desk.reading() as session:
        row = session.scalar(
            select(verdict).where(verdict.reader == reader, *_standing(), on_desk).order_by(verdict.id.desc()).limit(1)
        )
        return _row(row) if row else None


def current_verdicts(desk: Desk, study: str | None = None) -> list[VerdictRow]:
    """Return each reader's newest verdict that was not undone, on one study or on all, oldest first."""
    with desk.reading() as session:
        return [_row(row) for row in current_rows(session, study)]


def current_rows(session: Session, study: str | None = None) -> list[tables.Verdict]:
    """Return the rows of the verdicts that count, oldest first."""
    verdict = tables.Verdict
    return list(session.scalars(select(verdict).where(verdict.id.in_(current_ids(study))).order_by(verdict.id)))


def current_ids(study: str | None = None) -> Select[int]:
    """Return the query for the ids of the verdicts that count: each reader's newest that was not undone."""
    verdict = tables.Verdict
    newest = select(sql.max(verdict.id)).where(*_standing()).group_by(verdict.study, verdict.reader)
    return newest if study is None else newest.where(verdict.study == study)


def verdict_history(desk: Desk, study: str) -> list[VerdictRow]:
    """Return all verdicts ever given on a study, oldest first, those undone or replaced marked as not current."""
    verdict = tables.Verdict
    with desk.reading() as session:
        current = {row.id for row in current_rows(session, study)}
        rows = session.scalars(
            select(verdict).where(verdict.study == study, verdict.verdict.is_not(None)).order_by(verdict.id)
        )
        return [_row(row, is_current=row.id in current) for row in rows]


def list_readers(desk: Desk) -> list[str]:
    """Return everybody who gave a verdict or was given a study, by name."""
    with desk.reading() as session:
        names = {
            *session.scalars(select(tables.Verdict.reader).distinct()),
            *session.scalars(select(tables.Assignment.assigned_to).distinct()),
        }
    return sorted(name for name in names if name)


def _standing() -> tuple[ColumnElement[bool], ...]:
    """Conditions of verdicts that were not undone."""
    verdict = tables.Verdict
    taken_back = select(verdict.undoes_id).where(verdict.undoes_id.is_not(None))
    return verdict.verdict.is_not(None), verdict.id.not_in(taken_back)


def _row(row: tables.Verdict, *, is_current: bool = True) -> VerdictRow:
    return VerdictRow(
        id=row.id,
        study=row.study,
        reading_id=row.reading_id,
        reader=row.reader,
        verdict=Verdict(row.verdict),
        note=row.note,
        checkpoint_hash=row.checkpoint_hash,
        probability=row.probability,
        finding=row.finding,
        when=row.created_at,
        is_current=is_current,
    )
