"""Figures that depend on the order of the scores only, for many weightings of the images at once.

Shapes: N images, R resamples (rows of weights), G groups of images with one and the same score.
"""

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.scores import check_labels_and_scores


def roc_auc(labels_N: ArrayLike, scores_N: ArrayLike) -> float | None:
    """Return the area under the ROC curve, ties counting half; None unless both classes are there."""
    labels, scores = check_labels_and_scores(labels_N, scores_N)
    if not len(labels):
        return None
    return none_if_nan(weighted_auc(*sort_by_score(labels, scores), np.ones((1, len(labels))))[0])


def average_precision(labels_N: ArrayLike, scores_N: ArrayLike) -> float | None:
    """Return the average precision (steps, no interpolation); None unless both classes are there."""
    labels, scores = check_labels_and_scores(labels_N, scores_N)
    if not len(labels):
        return None
    return none_if_nan(weighted_average_precision(*sort_by_score(labels, scores), np.ones((1, len(labels))))[0])


def none_if_nan(value: float) -> float | None:
    """Return the value as a plain float, None where it is undefined."""
    return None if np.isnan(value) else float(value)


def sort_by_score(labels_N: np.ndarray, scores_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores in ascending order of score."""
    order = np.argsort(scores_N, kind="stable")
    return labels_N[order], scores_N[order]


def sum_by_score(labels_N: np.ndarray, scores_N: np.ndarray, weights_RN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of positives and of negatives [R, G] at each distinct score; scores ascend."""
    starts_G = np.flatnonzero(np.r_[True, np.diff(scores_N) > 0])
    positive_RG = np.add.reduceat(weights_RN * labels_N, starts_G, axis=1)
    negative_RG = np.add.reduceat(weights_RN * ~labels_N, starts_G, axis=1)
    return positive_RG, negative_RG


def weighted_auc(labels_N: np.ndarray, scores_N: np.ndarray, weights_RN: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve [R] for each row of weights; scores ascend, NaN where a class is missing."""
    positive_RG, negative_RG = sum_by_score(labels_N, scores_N, weights_RN)
    negative_below_RG = np.cumsum(negative_RG, axis=1) - negative_RG
    wins_R = (positive_RG * (negative_below_RG + 0.5 * negative_RG)).sum(axis=1)
    return divide(wins_R, positive_RG.sum(axis=1) * negative_RG.sum(axis=1))


def weighted_average_precision(labels_N: np.ndarray, scores_N: np.ndarray, weights_RN: np.ndarray) -> np.ndarray:
    """Return the average precision [R] for each row of weights; scores ascend, NaN where a class is missing."""
    positive_RG, negative_RG = (part[:, ::-1] for part in sum_by_score(labels_N, scores_N, weights_RN))
    true_RG, false_RG = np.cumsum(positive_RG, axis=1), np.cumsum(negative_RG, axis=1)
    flagged_RG = true_RG + false_RG
    precision_RG = np.divide(true_RG, flagged_RG, out=np.zeros_like(true_RG), where=flagged_RG > 0)
    # Without negatives the figure would be 1 whatever the scores are, which tells nothing about them.
    num_positive_R = np.where(false_RG[:, -1] > 0, true_RG[:, -1], 0)
    return divide((precision_RG * positive_RG).sum(axis=1), num_positive_R)


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotients, NaN where the denominator is zero."""
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)
