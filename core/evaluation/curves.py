"""ROC and precision–recall curves with pointwise 95 % bands from a bootstrap of whole patients.

Shapes: N images, G distinct scores, K points of a curve, X places on the horizontal axis, R resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.bootstrap import draw_weights
from core.evaluation.metrics import arrange
from core.evaluation.ranking import sum_by_score
from core.evaluation.scores import check_labels_and_probabilities, require_both_classes

NUM_PLACES = 101
NUM_RESAMPLES = 1000


@dataclass(frozen=True)
class CurveWithBand:
    """A curve by its points [K], from the highest threshold on, and its band over `grid_X`."""

    x_K: np.ndarray
    y_K: np.ndarray
    threshold_K: np.ndarray
    grid_X: np.ndarray
    low_X: np.ndarray
    high_X: np.ndarray


@dataclass(frozen=True)
class Curves:
    """Both curves of one set of images."""

    roc: CurveWithBand
    precision_recall: CurveWithBand
    share_positive: float


def curves_with_bands(
    labels_N: ArrayLike,
    probabilities_N: ArrayLike,
    patients_N: ArrayLike | None = None,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Curves:
    """Return ROC (false positive rate, sensitivity) and precision–recall (recall, precision) of labelled images [N].

    Raises EvaluationError unless both classes are there.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    require_both_classes(labels, "A curve")
    labels, probabilities, clusters_N = arrange(labels, probabilities, patients_N)
    grid_X = np.linspace(0, 1, NUM_PLACES)
    sensitivity, precision = [], []
    for weights_RN in draw_weights(clusters_N, num_resamples, seed):
        for true_G, false_G in zip(*_accumulated(labels, probabilities, weights_RN), strict=True):
            if true_G[-1] and false_G[-1]:
                sensitivity.append(_upper_steps(grid_X, false_G / false_G[-1], true_G / true_G[-1]))
                precision.append(_precision_at(grid_X, true_G, false_G))
    true_G, false_G = (part[0] for part in _accumulated(labels, probabilities, np.ones((1, len(labels)))))
    thresholds_G = np.unique(probabilities)[::-1]
    recall_G = true_G / true_G[-1]
    return Curves(
        roc=CurveWithBand(
            np.r_[0, false_G / false_G[-1]], np.r_[0, recall_G], np.r_[1, thresholds_G], grid_X, *_band(sensitivity)
        ),
        precision_recall=CurveWithBand(recall_G, true_G / (true_G + false_G), thresholds_G, grid_X, *_band(precision)),
        share_positive=float(labels.mean()),
    )


def _accumulated(
    labels_N: np.ndarray, probabilities_N: np.ndarray, weights_RN: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of positives and negatives [R, G] at or above each distinct score, highest first."""
    positives_RG, negatives_RG = sum_by_score(labels_N, probabilities_N, weights_RN)
    return np.cumsum(positives_RG[:, ::-1], axis=1), np.cumsum(negatives_RG[:, ::-1], axis=1)


def _upper_steps(grid_X: np.ndarray, x_G: np.ndarray, y_G: np.ndarray) -> np.ndarray:
    """Return the height of the ROC curve at each place: straight between thresholds, the top of a vertical rise."""
    x_K, y_K = np.r_[0, x_G], np.r_[0, y_G]
    # The last of equal x is the highest point there.
    last_K = np.r_[x_K[1:] > x_K[:-1], True]
    heights_X = np.interp(grid_X, x_K[last_K], y_K[last_K])
    heights_X[-1] = 1.0
    return heights_X


def _precision_at(grid_X: np.ndarray, true_G: np.ndarray, false_G: np.ndarray) -> np.ndarray:
    """Return the precision at the highest threshold that reaches each recall."""
    flagged_G = true_G + false_G
    precision_G = np.divide(true_G, flagged_G, out=np.ones_like(true_G), where=flagged_G > 0)
    # Recall 0 asks for at least one image found.
    wanted_X = np.maximum(grid_X * true_G[-1], 1e-9)
    return precision_G[np.minimum(np.searchsorted(true_G, wanted_X - 1e-9), len(true_G) - 1)]


def _band(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    low_X, high_X = np.quantile(np.stack(rows), [0.025, 0.975], axis=0)
    return low_X, high_X
