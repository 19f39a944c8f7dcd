"""DeLong's interval of an AUC and test of two AUCs on the same images (DeLong 1988; fast form of Sun and Xu 2014).

Where it is known whose the images are, the variance is that of Obuchowski (1997), in which the images of one patient
count together. Shapes: K scores per image, N images, P with pneumonia, M without, C patients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from core.errors import EvaluationError
from core.evaluation.proportions import Interval
from core.evaluation.scores import check_labels_and_scores, clusters_of
from core.language import tr

# Variances below this are rounding: ranks are sums of halves.
SMALLEST_VARIANCE = 1e-16


@dataclass(frozen=True)
class AucEstimate:
    """An AUC with its standard error and interval, cut at 0 and 1; None where they cannot be estimated."""

    auc: float | None
    standard_error: float | None
    interval: Interval | None


@dataclass(frozen=True)
class AucComparison:
    """Two AUCs on the same images; `difference` is first minus second. None where it cannot be estimated."""

    auc_first: float | None
    auc_second: float | None
    difference: float | None
    standard_error: float | None
    interval: Interval | None
    z: float | None
    p_value: float | None


def delong_interval(
    labels_N: ArrayLike, scores_N: ArrayLike, patients_N: ArrayLike | None = None, confidence: float = 0.95
) -> AucEstimate:
    """Return the AUC of these scores with its normal interval.

    The AUC needs an image of each class, the rest at least two of each and scores that overlap: with perfect separation
    the estimated variance is zero, and no interval is claimed. Raises EvaluationError for scores that do not fit.
    """
    labels, scores = check_labels_and_scores(labels_N, scores_N)
    aucs_K, covariance_KK = estimate(labels, scores[None, :], patients_N)
    auc = None if aucs_K is None else float(aucs_K[0])
    if auc is None or covariance_KK is None or covariance_KK[0, 0] < SMALLEST_VARIANCE:
        return AucEstimate(auc, None, None)
    standard_error = float(np.sqrt(covariance_KK[0, 0]))
    reach = float(ndtri((1 + confidence) / 2)) * standard_error
    return AucEstimate(auc, standard_error, (max(0.0, auc - reach), min(1.0, auc + reach)))


def delong_test(
    labels_N: ArrayLike,
    first_N: ArrayLike,
    second_N: ArrayLike,
    patients_N: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucComparison:
    """Compare the AUCs of two sets of scores of the same images; two-sided p-value.

    Scores that rank the images alike give a difference of 0 and p = 1. Raises EvaluationError for scores that do not
    fit.
    """
    labels, first = check_labels_and_scores(labels_N, first_N)
    _, second = check_labels_and_scores(labels_N, second_N)
    aucs_K, covariance_KK = estimate(labels, np.stack([first, second]), patients_N)
    if aucs_K is None:
        return AucComparison(None, None, None, None, None, None, None)
    auc_first, auc_second = map(float, aucs_K)
    difference = auc_first - auc_second
    if covariance_KK is None:
        return AucComparison(auc_first, auc_second, difference, None, None, None, None)
    variance = float(covariance_KK[0, 0] + covariance_KK[1, 1] - 2 * covariance_KK[0, 1])
    if variance < SMALLEST_VARIANCE:
        p_value = 1.0 if abs(difference) < 1e-12 else None
        return AucComparison(auc_first, auc_second, difference, None, None, None, p_value)
    standard_error = float(np.sqrt(variance))
    reach = float(ndtri((1 + confidence) / 2)) * standard_error
    z = difference / standard_error
    interval = (max(-1.0, difference - reach), min(1.0, difference + reach))
    return AucComparison(auc_first, auc_second, difference, standard_error, interval, z, float(2 * ndtr(-abs(z))))


def estimate(
    labels_N: np.ndarray, scores_KN: np.ndarray, patients_N: ArrayLike | None = None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the AUCs [K] and their covariance [K, K]; None for what the numbers of images or patients do not allow."""
    if scores_KN.shape[1] != len(labels_N):
        raise EvaluationError(tr("Both sets of scores must cover the same images."))
    positive_KP, negative_KM = scores_KN[:, labels_N], scores_KN[:, ~labels_N]
    num_positive, num_negative = positive_KP.shape[1], negative_KM.shape[1]
    if not (num_positive and num_negative):
        return None, None
    # Takes a second to import, which every process of the desk would pay.
    from scipy.stats import rankdata

    ranks_KN = rankdata(scores_KN, axis=1)
    # For each image, the share of the other class that it ranks rightly against, ties counting half.
    right_KP = (ranks_KN[:, labels_N] - rankdata(positive_KP, axis=1)) / num_negative
    right_KM = 1 - (ranks_KN[:, ~labels_N] - rankdata(negative_KM, axis=1)) / num_positive
    aucs_K = right_KP.mean(axis=1)
    if min(num_positive, num_negative) < 2:
        return aucs_K, None
    if patients_N is None:
        return aucs_K, np.atleast_2d(np.cov(right_KP) / num_positive + np.cov(right_KM) / num_negative)
    return aucs_K, _clustered_covariance(labels_N, right_KP, right_KM, clusters_of(patients_N, len(labels_N)))


def _clustered_covariance(
    labels_N: np.ndarray, right_KP: np.ndarray, right_KM: np.ndarray, clusters_N: np.ndarray
) -> np.ndarray | None:
    """Return Obuchowski's covariance of the AUCs [K, K]; None with fewer than two patients of a class."""
    num_clusters = int(clusters_N.max()) + 1
    sums, counts = [], []
    for right, members_N in ((right_KP, labels_N), (right_KM, ~labels_N)):
        centred = right - right.mean(axis=1, keepdims=True)
        owners = clusters_N[members_N]
        sums.append(np.stack([np.bincount(owners, weights=row, minlength=num_clusters) for row in centred]))
        counts.append(len(np.unique(owners)))
    (positive_KC, negative_KC), (num_positive, num_negative) = sums, counts
    if min(counts) < 2:
        return None
    size_P, size_M = right_KP.shape[1], right_KM.shape[1]
    mixed_KK = positive_KC @ negative_KC.T * num_clusters / ((num_clusters - 1) * size_P * size_M)
    return (
        positive_KC @ positive_KC.T * num_positive / ((num_positive - 1) * size_P**2)
        + negative_KC @ negative_KC.T * num_negative / ((num_negative - 1) * size_M**2)
        + mixed_KK
        + mixed_KK.T
    )
