"""The record of every look at figures that may not select: anyone who shows them adds to it, and none can be removed.

A look is one view of the figures of one checkpoint on one split of one dataset. Views of the same figures within a
minute are one look, through whichever door; an evaluation is a look each time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.evaluation.metrics import EvaluationReport
from core.services.desk import Desk
from core.services.evaluation.predictions import ALL, PredictedFilms, is_selection_split
from core.services.evaluation.training_overlap import TrainingOverlaps
from db import models as tables
from db.base import utc_now

AccessReason = Literal["read", "looked at", "compared", "listed", "exported", "promoted"]
LISTED: AccessReason = "listed"
"""A look at the list of looks: counted, and not listed itself, for a list that grew while it is read has no pages."""
SAME_LOOK = timedelta(minutes=1)


class Figures(Protocol):
    """What a door shows: the figures of one checkpoint on one split."""

    @property
    def checkpoint_hash(self) -> str:
        """Of the model's weights."""
        ...

    @property
    def cohort_fingerprint(self) -> str:
        """Of the dataset whose images they are of, empty where it is not known."""
        ...

    @property
    def split(self) -> str:
        """Which of its images."""
        ...

    @property
    def report(self) -> EvaluationReport | dict[str, Any]:
        """The figures themselves."""
        ...


@dataclass(frozen=True)
class ShownFigures:
    """Figures that stand somewhere without the predictions they were made from, as on a card."""

    checkpoint_hash: str
    cohort_fingerprint: str
    split: str
    report: EvaluationReport | dict[str, Any]


class RecordedOpening(BaseModel):
    """When the images of a split that may not select were opened for this run's model, and what they gave."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    split: str
    occasion: str
    opened_at: datetime
    report: dict[str, Any]
    cohort_fingerprint: str | None = None
    """Of the dataset whose images they were; None in records of older versions."""
    num_training_images: int | None = None
    """Images that the model was trained on, or of patients of such; None where that is not known."""


EVALUATION_FIELDS = ("id", "checkpoint_hash", "cohort_fingerprint", "split", "occasion", "report", "created_at")


def evaluations_page(desk: Desk, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return evaluations and looks with their figures, newest first; what is shown of them counts as looked at."""
    table = tables.Evaluation
    overlaps = TrainingOverlaps(desk)
    with desk.reading() as session:
        rows = session.execute(
            select(*(getattr(table, field) for field in EVALUATION_FIELDS))
            .where(table.occasion != LISTED)
            .order_by(table.id.desc())
            .limit(limit)
            .offset(offset)
        )
        found = [dict(row) for row in rows.mappings()]
    named = [(row["checkpoint_hash"], row["cohort_fingerprint"], row["split"]) for row in found]
    count_looks(desk, [ShownFigures(*of, row["report"]) for of, row in zip(named, found, strict=True)], LISTED)
    return [{**row, "num_training_images": overlaps.of_stored(*of)} for of, row in zip(named, found, strict=True)]


def count_looks(desk: Desk, shown: Iterable[Figures], occasion: AccessReason) -> None:
    """Count that figures are shown, those of them that may not select and were not seen within the last minute."""
    shown = list(shown)
    with desk.reading() as session:
        # A door that shows nothing new does not wait for the database's writers.
        shown = [one for one in shown if _is_look(session, one, occasion)]
    if shown:
        with desk.transaction() as session:
            record_looks(session, shown, occasion)


def record_looks(session: Session, shown: Sequence[Figures], occasion: AccessReason) -> None:
    """Count that figures are shown, as `count_looks` does, in a transaction that is open."""
    for figures in shown:
        record_opening(session, figures, occasion)


def record_opening(session: Session, figures: Figures, occasion: AccessReason) -> None:
    """Record that the figures of a checkpoint on a split are shown.

    An evaluation ("read") is recorded each time and whatever it was of; a mere look only at images that may not
    select, and once within a minute.
    """
    if not _is_look(session, figures, occasion):
        return
    report = figures.report
    session.add(
        tables.Evaluation(
            checkpoint_hash=figures.checkpoint_hash,
            cohort_fingerprint=figures.cohort_fingerprint,
            split=figures.split,
            report=report if isinstance(report, dict) else report.model_dump(mode="json"),
            occasion=occasion,
            created_at=utc_now(),
        )
    )
    session.flush()


def count_openings(session: Session, cohort_fingerprint: str, split: str) -> int:
    """Return how often this split has been opened on this desk, by whichever model; never, where it may select."""
    if is_selection_split(split):
        return 0
    same = (tables.Evaluation.cohort_fingerprint == cohort_fingerprint, tables.Evaluation.split.in_({split, ALL}))
    return session.scalar(select(func.count()).select_from(tables.Evaluation).where(*same)) or 0


def openings_of(desk: Desk, predicted: Iterable[PredictedFilms]) -> int:
    """Return how often the splits of these predictions have been opened on this desk, by whichever model."""
    splits = {(one.cohort_fingerprint, one.split) for one in predicted}
    with desk.reading() as session:
        return sum(count_openings(session, *one) for one in splits)


def recorded_openings(desk: Desk, checkpoint_hash: str) -> tuple[RecordedOpening, ...]:
    """Return every test-set access for a checkpoint with what it gave, oldest first."""
    row_of = tables.Evaluation
    overlaps = TrainingOverlaps(desk)
    with desk.reading() as session:
        of_model = select(row_of).where(row_of.checkpoint_hash == checkpoint_hash).order_by(row_of.id)
        rows = session.scalars(of_model).all()
    return tuple(
        RecordedOpening(
            split=row.split,
            occasion=row.occasion,
            opened_at=row.created_at,
            report=row.report,
            cohort_fingerprint=row.cohort_fingerprint,
            num_training_images=overlaps.of_stored(checkpoint_hash, row.cohort_fingerprint, row.split),
        )
        for row in rows
        if not is_selection_split(row.split)
    )


def _is_look(session: Session, figures: Figures, occasion: AccessReason) -> bool:
    if occasion == "read":
        return True
    if is_selection_split(figures.split):
        return False
    row_of = tables.Evaluation
    same = select(row_of.id).where(
        row_of.checkpoint_hash == figures.checkpoint_hash,
        row_of.cohort_fingerprint == figures.cohort_fingerprint,
        row_of.split == figures.split,
        row_of.created_at > utc_now() - SAME_LOOK,
    )
    return session.scalar(same.limit(1)) is None
