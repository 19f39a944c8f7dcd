"""Checks labels and scores once, so that every figure can rely on them."""

import numpy as np
from numpy.typing import ArrayLike

from core.errors import EvaluationError
from core.language import tr


def check_labels_and_scores(labels_N: ArrayLike, scores_N: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as bool [N] (True is pneumonia) and scores as float64 [N].

    Raises EvaluationError if the lengths differ, a label is neither 0 nor 1, or a score is not a finite number.
    """
    labels = np.atleast_1d(np.asarray(labels_N))
    scores = np.atleast_1d(np.asarray(scores_N, dtype=np.float64))
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise EvaluationError(
            tr(
                "Labels of shape {shape_of_labels} and scores of shape {shape_of_scores} do not belong together; "
                "give one of each for every image.",
                shape_of_labels=labels.shape,
                shape_of_scores=scores.shape,
            )
        )
    if not np.isin(labels, (0, 1)).all():
        raise EvaluationError(tr("A label is neither 0 (normal) nor 1 (pneumonia). Leave unlabelled images out."))
    num_bad = int((~np.isfinite(scores)).sum())
    if num_bad:
        raise EvaluationError(
            tr(
                "{num_bad} of {num_scores} scores are not finite numbers, so nothing can be measured.",
                num_bad=num_bad,
                num_scores=len(scores),
            )
        )
    return labels.astype(bool), scores


def check_labels_and_probabilities(labels_N: ArrayLike, probabilities_N: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as bool [N] and probabilities as float64 [N].

    Raises EvaluationError as `check_labels_and_scores`, or if a probability lies outside 0 to 1.
    """
    labels, probabilities = check_labels_and_scores(labels_N, probabilities_N)
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise EvaluationError(
            tr(
                "Probabilities must lie between 0 and 1; these go from {lowest:g} to {highest:g}.",
                lowest=probabilities.min(),
                highest=probabilities.max(),
            )
        )
    return labels, probabilities


def clusters_of(patients_N: ArrayLike, num_films: int) -> np.ndarray:
    """Return patient numbers from 0 [N]; raises EvaluationError unless there is one patient for every image."""
    patients = np.asarray(patients_N)
    if patients.shape != (num_films,):
        raise EvaluationError(
            tr(
                "{num_films} images came with {size} patients; give one for every image.",
                num_films=num_films,
                size=patients.size,
            )
        )
    return np.unique(patients.astype(str), return_inverse=True)[1]


def require_both_classes(labels_N: np.ndarray, purpose: str) -> None:
    """Raise EvaluationError unless there is at least one image of each class; `purpose` completes the sentence."""
    num_positive = int(labels_N.sum())
    if 0 < num_positive < len(labels_N):
        return
    raise EvaluationError(
        tr(
            "{purpose} needs images of both classes; there are {num_positive} with pneumonia and {num_normal} "
            "normal ones.",
            purpose=purpose,
            num_positive=num_positive,
            num_normal=len(labels_N) - num_positive,
        )
    )
