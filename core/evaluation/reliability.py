"""How far stated probabilities agree with what happened, in bins of equal width."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.proportions import clustered_interval
from core.evaluation.scores import check_labels_and_probabilities, clusters_of

NUM_BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose probability lies in [low, high), or [low, 1] for the last bin; None where there are none."""

    low: float
    high: float
    num_films: int
    num_positive: int
    mean_probability: float | None
    share_positive: float | None
    share_interval: tuple[float, float] | None


def bin_of(probabilities_N: np.ndarray, num_bins: int) -> np.ndarray:
    """Return the bin [N] of each probability; a probability on an inner edge belongs to the bin above."""
    return np.minimum((probabilities_N * num_bins).astype(np.int64), num_bins - 1)


def reliability_bins(
    labels_N: ArrayLike,
    probabilities_N: ArrayLike,
    patients_N: ArrayLike | None = None,
    *,
    num_bins: int = NUM_BINS,
) -> tuple[ReliabilityBin, ...]:
    """Return every bin of the reliability diagram, empty ones included, with Wilson 95 % intervals of the shares.

    The images of one patient count together in an interval.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    clusters_N = np.arange(len(labels)) if patients_N is None else clusters_of(patients_N, len(labels))
    bins_N = bin_of(probabilities, num_bins)
    num_films = np.bincount(bins_N, minlength=num_bins)
    num_positive = np.bincount(bins_N, weights=labels, minlength=num_bins).astype(int)
    total = np.bincount(bins_N, weights=probabilities, minlength=num_bins)
    return tuple(
        ReliabilityBin(
            low=index / num_bins,
            high=(index + 1) / num_bins,
            num_films=int(films),
            num_positive=int(positive),
            mean_probability=float(total[index] / films) if films else None,
            share_positive=float(positive / films) if films else None,
            share_interval=clustered_interval(labels[bins_N == index], clusters_N[bins_N == index]) if films else None,
        )
        for index, (films, positive) in enumerate(zip(num_films, num_positive, strict=True))
    )


def expected_calibration_error(
    labels_N: ArrayLike, probabilities_N: ArrayLike, num_bins: int = NUM_BINS
) -> float | None:
    """Return the mean gap between stated probability and share of pneumonia, weighted by images per bin.

    Bins have equal width in P(pneumonia), not in the winning class's confidence (Naeini 2015). None without images.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    if not len(labels):
        return None
    # The image counts cancel: |mean stated - share| * images is |sum of (stated - label)| of the bin.
    gaps = np.bincount(bin_of(probabilities, num_bins), weights=probabilities - labels, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(labels))
