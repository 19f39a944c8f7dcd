"""Batches that are on the desk: one that was deleted is on none of its lists, though for a day it can be restored."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError
from core.language import mark, tr
from db import models as tables

READING_GONE = mark("This reading is no longer on the desk.")


def kept_batches() -> Select[str]:
    """Return the query for the ids of batches that were not deleted."""
    return select(tables.Batch.id).where(tables.Batch.deleted_at.is_(None))


def kept_batch(session: Session, batch_id: str) -> tables.Batch:
    """Return a batch that is on the desk; raises InputNotFoundError."""
    batch = session.get(tables.Batch, batch_id)
    if batch is None:
        raise InputNotFoundError(tr("There is no batch {batch_id!r}. It may have been deleted.", batch_id=batch_id))
    if batch.deleted_at is not None:
        raise InputNotFoundError(
            tr(
                "There is no batch {batch_id!r}: it was deleted at {deleted_at:%Y-%m-%d %H:%M} UTC. For a day it can "
                "be restored, under Keeping or by `python -m core undelete`.",
                batch_id=batch_id,
                deleted_at=batch.deleted_at,
            )
        )
    return batch


def kept_reading(session: Session, reading_id: int) -> tables.Reading:
    """Return a reading of a batch that is on the desk; raises InputNotFoundError."""
    reading = session.get(tables.Reading, reading_id)
    if reading is None or reading.batch.deleted_at is not None:
        raise InputNotFoundError(tr(READING_GONE))
    return reading
