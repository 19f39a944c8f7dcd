"""Long lists in pages, for programs."""

from typing import Any

from sqlalchemy import select

from core.errors import InputNotFoundError
from core.services.desk import Desk
from db import models as tables

READING_FIELDS = (
    *("id", "file", "file_hash", "status", "reason_code", "reason", "probability", "finding", "priority"),
    *("gate_distance", "created_at"),
)
EVALUATION_FIELDS = ("id", "checkpoint_hash", "cohort_fingerprint", "split", "occasion", "report", "created_at")


def readings_page(desk: Desk, batch_id: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return readings of a batch, most urgent first; raises InputNotFoundError."""
    reading = tables.Reading
    with desk.reading() as session:
        if session.get(tables.Batch, batch_id) is None:
            raise InputNotFoundError(f"There is no batch {batch_id!r}. It may have been deleted.")
        rows = session.execute(
            select(*(getattr(reading, field) for field in READING_FIELDS))
            .where(reading.batch_id == batch_id)
            .order_by(reading.rank_order, reading.probability.desc(), reading.file)
            .limit(limit)
            .offset(offset)
        )
        return [dict(row) for row in rows.mappings()]


def evaluations_page(desk: Desk, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return openings of labelled splits with their figures, newest first."""
    table = tables.Evaluation
    with desk.reading() as session:
        rows = session.execute(
            select(*(getattr(table, field) for field in EVALUATION_FIELDS))
            .order_by(table.id.desc())
            .limit(limit)
            .offset(offset)
        )
        return [dict(row) for row in rows.mappings()]


def study_of(desk: Desk, reading_id: int) -> str:
    """Return the study that a reading belongs to; raises InputNotFoundError."""
    with desk.reading() as session:
        study = session.scalar(select(tables.Reading.study).where(tables.Reading.id == reading_id))
    if study is None:
        raise InputNotFoundError("This reading is no longer on the desk.")
    return study
