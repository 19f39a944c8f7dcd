"""One run and how it is evaluated: its record, its stored predictions, its worst errors.

Every look at images that may not choose (a test split) adds to the record of accesses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select

from core.errors import EvaluationError
from core.language import tr
from core.services.desk import Desk
from core.services.evaluation.predictions import (
    PredictedFilms,
    is_selection_split,
    load_predictions,
)
from core.services.evaluation.test_set_access import AccessReason, count_looks, openings_of
from core.services.evaluation.training_overlap import TrainingOverlaps
from db import models as tables


@dataclass(frozen=True)
class OpenedSplit:
    """Stored predictions of a split, and how often its images have been opened, by whichever model."""

    predicted: PredictedFilms
    num_openings: int
    is_selection: bool
    num_training_images: int | None
    """Images that the model was trained on, or of patients of such; None where that is not known."""


@dataclass(frozen=True)
class WorstError:
    """An image that was misread, with where it lies, None where its dataset or file is gone."""

    file: str
    path: Path | None
    content_hash: str
    is_pneumonia: bool
    probability: float


def load_evaluation(
    desk: Desk, checkpoint_hash: str, split: str, *, occasion: AccessReason | None = "looked at"
) -> OpenedSplit:
    """Return stored predictions; images that may not select count as looked at, unless `occasion` is None.

    Raises EvaluationError where there are no predictions of this split.
    """
    with desk.reading() as session:
        found = load_predictions(session, [checkpoint_hash], split)
        if checkpoint_hash not in found:
            raise EvaluationError(
                tr(
                    "No predictions of this model on {split!r} are kept. A run keeps those of its validation and "
                    "calibration images when it ends; `evaluate` keeps those of any other split.",
                    split=split,
                )
            )
    predicted = found[checkpoint_hash]
    if occasion is not None:
        count_looks(desk, [predicted], occasion)
    return OpenedSplit(
        predicted, openings_of(desk, [predicted]), is_selection_split(split), TrainingOverlaps(desk).of(predicted)
    )


def openings_so_far(desk: Desk, checkpoint_hashes: Sequence[str], split: str) -> int:
    """Return how often the images have been opened on this desk that these models' stored figures of a split are of."""
    with desk.reading() as session:
        found = load_predictions(session, checkpoint_hashes, split)
    return openings_of(desk, found.values())


def worst_errors(
    desk: Desk, predicted: PredictedFilms, threshold: float, limit: int = 6
) -> tuple[tuple[WorstError, ...], tuple[WorstError, ...]]:
    """Return the pneumonia images of lowest probability that were missed, and the normal ones of highest, flagged."""
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
