"""Percentile bootstrap that draws whole patients, so that several images of one child do not count as independent.

Shapes: N images, C patients (clusters), R resamples.
"""

from collections.abc import Callable, Iterator

import numpy as np

from core.evaluation.proportions import Interval

# Bounds the memory: at most this many weights exist at a time (8 bytes each).
MAX_WEIGHTS_AT_ONCE = 2_000_000
# If more resamples than this leave a figure undefined, the rest would give an interval that is too narrow.
MAX_UNDEFINED_SHARE = 0.05

Figures = dict[str, np.ndarray]


def draw_weights(clusters_N: np.ndarray, num_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of weights [R, N]: how often each image's patient was drawn, in all `num_resamples` rows.

    `clusters_N` holds patient numbers from 0 to C - 1; each row draws C patients with replacement.
    """
    rng = np.random.default_rng(seed)
    num_clusters = int(clusters_N.max()) + 1
    block = max(1, MAX_WEIGHTS_AT_ONCE // max(num_clusters, len(clusters_N)))
    for start in range(0, num_resamples, block):
        rows = min(block, num_resamples - start)
        drawn_RC = rng.integers(0, num_clusters, size=(rows, num_clusters))
        drawn_RC += np.arange(rows)[:, None] * num_clusters
        counts_RC = np.bincount(drawn_RC.ravel(), minlength=rows * num_clusters).reshape(rows, num_clusters)
        yield counts_RC[:, clusters_N].astype(np.float64)


def bootstrap_intervals(
    measure: Callable[[np.ndarray], Figures],
    clusters_N: np.ndarray,
    *,
    num_resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> dict[str, Interval | None]:
    """Return the percentile interval of each figure that `measure` gives for weights [R, N].

    None for a figure that is undefined in more than 5 % of the resamples, or the same in all of them: the bootstrap
    then claims a certainty that it cannot have (Efron and Tibshirani 1993, section 13.3).
    """
    blocks = [measure(weights_RN) for weights_RN in draw_weights(clusters_N, num_resamples, seed)]
    if not blocks:
        return {}
    return {
        name: percentile_interval(np.concatenate([block[name] for block in blocks]), confidence) for name in blocks[0]
    }


def percentile_interval(values_R: np.ndarray, confidence: float) -> Interval | None:
    """Return the central interval of the defined values, None if too few are defined or all agree."""
    defined = values_R[~np.isnan(values_R)]
    if len(defined) < (1 - MAX_UNDEFINED_SHARE) * len(values_R) or np.ptp(defined) < 1e-12:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
