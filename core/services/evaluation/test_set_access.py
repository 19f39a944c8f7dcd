"""The record of every opening of a split: whoever looks at test figures adds to it, and none can be taken back."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.services.desk import Desk
from core.services.evaluation.predictions import ALL, PredictedFilms, is_selection_split
from db import models as tables

Occasion = Literal["read", "looked at", "compared"]


class RecordedOpening(BaseModel):
    """When the films of a split that only judges were opened for this run's model, and what they gave."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    split: str
    occasion: str
    opened_at: datetime
    report: dict[str, Any]
    cohort_fingerprint: str | None = None
    """Of the dataset whose images they were; None in records of older versions."""


EVALUATION_FIELDS = ("id", "checkpoint_hash", "cohort_fingerprint", "split", "occasion", "report", "created_at")


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


def record_opening(session: Session, predicted: PredictedFilms, occasion: Occasion) -> None:
    """Record that the figures of a checkpoint on a split were opened.

    An evaluation is recorded whatever it was of; a mere look at images that may select is no test-set access.
    """
    if occasion != "read" and is_selection_split(predicted.split):
        return
    session.add(
        tables.Evaluation(
            checkpoint_hash=predicted.checkpoint_hash,
            cohort_fingerprint=predicted.cohort_fingerprint,
            split=predicted.split,
            report=predicted.report.model_dump(mode="json"),
            occasion=occasion,
        )
    )
    session.flush()


def count_openings(session: Session, cohort_fingerprint: str, split: str) -> int:
    """Return how often this split has been opened on this desk, by whichever model; never, where it may select."""
    if is_selection_split(split):
        return 0
    same = (tables.Evaluation.cohort_fingerprint == cohort_fingerprint, tables.Evaluation.split.in_({split, ALL}))
    return session.scalar(select(func.count()).select_from(tables.Evaluation).where(*same)) or 0


def recorded_openings(session: Session, checkpoint_hash: str) -> tuple[RecordedOpening, ...]:
    """Return every test-set access for a checkpoint with what it gave, oldest first."""
    row_of = tables.Evaluation
    rows = session.scalars(select(row_of).where(row_of.checkpoint_hash == checkpoint_hash).order_by(row_of.id))
    return tuple(
        RecordedOpening(
            split=row.split,
            occasion=row.occasion,
            opened_at=row.created_at,
            report=row.report,
            cohort_fingerprint=row.cohort_fingerprint,
        )
        for row in rows
        if not is_selection_split(row.split)
    )
