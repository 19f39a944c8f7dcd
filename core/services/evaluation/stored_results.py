"""One run and how it is judged: its record, its stored predictions, its worst errors.

Whoever opens films that may not choose (a test split) adds to the record of openings.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from core.errors import EvaluationError
from core.services.desk import Desk
from core.services.evaluation.predictions import (
    PredictedFilms,
    is_selection_split,
    load_predictions,
)
from core.services.evaluation.test_set_access import Occasion, count_openings, record_opening
from db import models as tables


@dataclass(frozen=True)
class OpenedSplit:
    """Stored predictions of a split, and how often its films have been opened, by whichever model."""

    predicted: PredictedFilms
    num_openings: int
    is_selection: bool


@dataclass(frozen=True)
class WorstError:
    """A film that was misread, with where it lies, None where its cohort or file is gone."""

    file: str
    path: Path | None
    content_hash: str
    is_pneumonia: bool
    probability: float


def look_at(desk: Desk, checkpoint_hash: str, split: str, *, occasion: Occasion | None = "looked at") -> OpenedSplit:
    """Return stored predictions; films that may not choose count one opening more, unless `occasion` is None.

    Raises EvaluationError where there are no predictions of this split.
    """
    with desk.reading() as session:
        found = load_predictions(session, [checkpoint_hash], split)
        if checkpoint_hash not in found:
            raise EvaluationError(
                f"No predictions of this model on {split!r} are kept. A run keeps those of its validation and "
                "calibration films when it ends; `evaluate` keeps those of any other split."
            )
    predicted = found[checkpoint_hash]
    if occasion is not None:
        with desk.transaction() as session:
            record_opening(session, predicted, occasion)
    with desk.reading() as session:
        num_openings = count_openings(session, predicted.cohort_fingerprint, split)
    return OpenedSplit(predicted, num_openings, is_selection_split(split))


def worst_errors(
    desk: Desk, predicted: PredictedFilms, threshold: float, limit: int = 6
) -> tuple[tuple[WorstError, ...], tuple[WorstError, ...]]:
    """Return the pneumonia films of lowest probability that were missed, and the normal ones of highest, flagged."""
    labels_N, probabilities_N = predicted.films.labels_N.astype(bool), predicted.probabilities
    root = _root(desk, predicted.cohort_fingerprint)
    order_N = np.argsort(probabilities_N, kind="stable")
    missed = [place for place in order_N if labels_N[place] and probabilities_N[place] < threshold]
    alarms = [place for place in order_N[::-1] if not labels_N[place] and probabilities_N[place] >= threshold]

    def error(place: int) -> WorstError:
        """Return the error at a place."""
        file = predicted.films.files[place]
        path = root / file if root is not None else None
        return WorstError(
            file=file,
            path=path if path is not None and path.is_file() else None,
            content_hash=predicted.films.content_hashes[place],
            is_pneumonia=bool(labels_N[place]),
            probability=float(probabilities_N[place]),
        )

    return tuple(map(error, missed[:limit])), tuple(map(error, alarms[:limit]))


def _root(desk: Desk, cohort_fingerprint: str) -> Path | None:
    with desk.reading() as session:
        root = session.scalar(select(tables.Cohort.root).where(tables.Cohort.fingerprint == cohort_fingerprint))
    return Path(root) if root else None


def num_test_openings(desk: Desk, cohort_fingerprint: str) -> dict[str, int]:
    """Return how often each split of a cohort that may not select has been opened on this desk."""
    with desk.reading() as session:
        rows = session.execute(
            select(tables.Evaluation.split, func.count())
            .where(tables.Evaluation.cohort_fingerprint == cohort_fingerprint)
            .group_by(tables.Evaluation.split)
        ).all()
    return {row.split: row[1] for row in rows if not is_selection_split(row.split)}
