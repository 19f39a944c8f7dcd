"""Differences between models on the same images, from one bootstrap of whole patients that all of them share.

Shapes: K models, N images, R resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import EvaluationError
from core.evaluation.bootstrap import draw_weights, percentile_interval
from core.evaluation.metrics import arrange
from core.evaluation.proportions import Interval
from core.evaluation.ranking import divide
from core.evaluation.scores import check_labels_and_scores
from core.language import tr

FIGURES = ("accuracy", "sensitivity", "specificity", "precision", "f1", "brier")
NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class PairedDifference:
    """One figure of a model less the first model's; None where it is undefined or cannot be computed."""

    figure: str
    difference: float | None
    interval: Interval | None


def paired_differences(
    labels_N: ArrayLike,
    probabilities_KN: ArrayLike,
    thresholds_K: ArrayLike,
    patients_N: ArrayLike | None = None,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[tuple[PairedDifference, ...], ...]:
    """Return, for every model after the first, the difference of each figure to the first, with its interval.

    Each model is evaluated at its own threshold. Raises EvaluationError for shapes that do not fit.
    """
    probabilities_KN = np.atleast_2d(np.asarray(probabilities_KN, dtype=np.float64))
    thresholds_K = np.asarray(thresholds_K, dtype=np.float64)
    if len(thresholds_K) != len(probabilities_KN):
        raise EvaluationError(tr("Give one threshold for each model that is compared."))
    labels, _ = check_labels_and_scores(labels_N, probabilities_KN[0])
    # Images in an order that does not depend on how they were listed, so that the same images give the same draws.
    order = np.lexsort((*probabilities_KN, labels))
    clusters_N = arrange(labels[order], np.arange(len(order)) / max(1, len(order)), _at(patients_N, order))[2]
    columns_ND = _columns(labels[order], probabilities_KN[:, order], thresholds_K)
    blocks = [
        figures_of(weights_RN @ columns_ND, len(thresholds_K))
        for weights_RN in draw_weights(clusters_N, num_resamples, seed)
    ]
    whole = figures_of(columns_ND.sum(axis=0, keepdims=True), len(thresholds_K))
    drawn = {name: np.concatenate([block[name] for block in blocks]) for name in FIGURES}
    return tuple(
        tuple(_difference(name, whole[name][0], drawn[name], model, confidence) for name in FIGURES)
        for model in range(1, len(thresholds_K))
    )


def figures_of(sums_RD: np.ndarray, num_models: int) -> dict[str, np.ndarray]:
    """Return each figure [R, K] from the weighted sums of `_columns`; NaN where it is undefined."""
    num_films_R1, num_positive_R1 = sums_RD[:, :1], sums_RD[:, 1:2]
    hits_RK, flags_RK, squares_RK = np.split(sums_RD[:, 2:], 3, axis=1)
    ones_RK = np.ones((1, num_models))
    positive_RK, films_RK = num_positive_R1 * ones_RK, num_films_R1 * ones_RK
    negative_RK = films_RK - positive_RK
    clear_RK = negative_RK - (flags_RK - hits_RK)
    return {
        "accuracy": divide(hits_RK + clear_RK, films_RK),
        "sensitivity": divide(hits_RK, positive_RK),
        "specificity": divide(clear_RK, negative_RK),
        "precision": divide(hits_RK, flags_RK),
        "f1": divide(2 * hits_RK, flags_RK + positive_RK),
        "brier": divide(squares_RK, films_RK),
    }


def _columns(labels_N: np.ndarray, probabilities_KN: np.ndarray, thresholds_K: np.ndarray) -> np.ndarray:
    """Return what every figure is made of, one row an image: 1, label, and for each model hit, flag, squared error."""
    flags_KN = probabilities_KN >= thresholds_K[:, None]
    squares_KN = (probabilities_KN - labels_N) ** 2
    parts = (np.ones((1, len(labels_N))), labels_N[None, :], flags_KN & labels_N, flags_KN, squares_KN)
    return np.concatenate([part.astype(np.float64) for part in parts]).T


def _difference(
    name: str, whole_K: np.ndarray, drawn_RK: np.ndarray, model: int, confidence: float
) -> PairedDifference:
    difference = float(whole_K[model] - whole_K[0])
    if np.isnan(difference):
        return PairedDifference(name, None, None)
    return PairedDifference(name, difference, percentile_interval(drawn_RK[:, model] - drawn_RK[:, 0], confidence))


def _at(patients_N: ArrayLike | None, order: np.ndarray) -> np.ndarray | None:
    return None if patients_N is None else np.asarray(patients_N)[order]
