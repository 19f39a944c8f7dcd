"""What a batch found: its counts, its ranked rows, and the CSV that leaves the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from core.errors import InputNotFoundError
from core.services.desk import Desk
from core.services.desk.csv_export import rows_to_csv
from db import models as tables

COUNTED = ("urgent", "review", "routine", "rejected", "failed")
CSV_COLUMNS = ("file", "status", "reason", "probability", "finding", "priority", "model", "operating_point")


READING_FIELDS = (
    *("id", "file", "file_hash", "status", "reason_code", "reason", "probability", "finding", "priority"),
    *("gate_distance", "created_at"),
)


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


@dataclass(frozen=True)
class TriageResult:
    """A batch as it stands in the database."""

    batch_id: str
    state: str
    model: str
    checkpoint_hash: str
    operating_point: dict[str, Any]
    engine: str | None
    num_files: int
    counts: dict[str, int]


def describe_batch(desk: Desk, batch_id: str) -> TriageResult:
    """Return a batch and its counts by priority and status; raises InputNotFoundError."""
    with desk.reading() as session:
        batch = session.get(tables.Batch, batch_id)
        if batch is None:
            raise InputNotFoundError(f"There is no batch {batch_id!r}.")
        point = batch.operating_point
        fields = ("name", "threshold", "uncertain_low", "uncertain_high", "rule", "chosen_on")
        return TriageResult(
            batch_id=batch.id,
            state=batch.state,
            model=batch.model_version.name,
            checkpoint_hash=batch.model_version.checkpoint_hash,
            operating_point={field: getattr(point, field) for field in fields},
            engine=batch.engine,
            num_files=batch.num_files or 0,
            counts=count_readings(desk, [batch_id])[batch_id],
        )


def count_readings(desk: Desk, batch_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return, for each batch, its read films by priority and its others by status."""
    counts = {batch_id: dict.fromkeys(COUNTED, 0) for batch_id in batch_ids}
    reading = tables.Reading
    with desk.reading() as session:
        rows = session.execute(
            select(reading.batch_id, reading.status, reading.priority, func.count())
            .where(reading.batch_id.in_(batch_ids))
            .group_by(reading.batch_id, reading.status, reading.priority)
        ).all()
    for batch_id, status, priority, count in rows:
        counts[batch_id][priority if status == "read" else status] += count
    return counts


def reading_rows(desk: Desk, batch_id: str, *fields: str) -> list[dict[str, Any]]:
    """Return the named columns of a batch's readings, most urgent first."""
    reading = tables.Reading
    with desk.reading() as session:
        rows = session.execute(
            select(*(getattr(reading, field) for field in fields))
            .where(reading.batch_id == batch_id)
            .order_by(reading.rank_order, reading.probability.desc(), reading.file)
        ).mappings()
        return [dict(row) for row in rows]


def ranked_readings(desk: Desk, batch_id: str) -> list[dict[str, Any]]:
    """Return a batch's rows, most urgent first, in the columns of the CSV."""
    batch = describe_batch(desk, batch_id)
    lineage = {
        "model": f"{batch.model}@{batch.checkpoint_hash[:12]}",
        "operating_point": f"{batch.operating_point['name']} ({batch.operating_point['threshold']:.4f})",
    }
    fields = [column for column in CSV_COLUMNS if column not in lineage]
    return [{**row, **lineage} for row in reading_rows(desk, batch_id, *fields)]


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return ranked rows as CSV."""
    return rows_to_csv(rows, CSV_COLUMNS)
