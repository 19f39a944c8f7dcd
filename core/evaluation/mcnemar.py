"""McNemar's exact test of two readers' errors on the same images (McNemar 1947), and Holm's correction.

Shapes: N images, C patients, S sums from -T to T.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.errors import EvaluationError
from core.evaluation.scores import clusters_of
from core.language import tr


@dataclass(frozen=True)
class ErrorComparison:
    """On how many images only one of two readers errs, and how likely so uneven a share is by chance (two-sided)."""

    num_only_first_wrong: int
    num_only_second_wrong: int
    num_both_wrong: int
    p_value: float


def mcnemar_test(
    wrong_first_N: ArrayLike, wrong_second_N: ArrayLike, patients_N: ArrayLike | None = None
) -> ErrorComparison:
    """Compare two readers by the images that only one of them got wrong; the exact form, right at any number.

    Takes whether each image was misread, [N] each, and whose each is: the images of one patient then count together.
    p is 1 where both err on the same images. Raises EvaluationError if the numbers of images
    differ.
    """
    first_N, second_N = np.asarray(wrong_first_N, dtype=bool), np.asarray(wrong_second_N, dtype=bool)
    if first_N.shape != second_N.shape or first_N.ndim != 1:
        raise EvaluationError(tr("McNemar's test needs the errors of both models on the same images."))
    only_first, only_second = int((first_N & ~second_N).sum()), int((~first_N & second_N).sum())
    p_value = _p_value(only_first, only_second)
    if patients_N is not None:
        clusters_N = clusters_of(patients_N, len(first_N))
        p_value = _p_value_of_patients(np.bincount(clusters_N, weights=first_N.astype(int) - second_N.astype(int)))
    return ErrorComparison(only_first, only_second, int((first_N & second_N).sum()), p_value)


def _p_value(only_first: int, only_second: int) -> float:
    # Takes a second to import, which every process of the desk would pay.
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def _p_value_of_patients(differences_C: np.ndarray) -> float:
    """Return the exact p-value where each patient's difference could as well have had the other sign.

    With one image a patient it is McNemar's exact one.
    """
    sizes = np.abs(differences_C).astype(int)
    sizes = sizes[sizes > 0]
    if (sizes == 1).all():
        return _p_value(int((differences_C > 0).sum()), int((differences_C < 0).sum()))
    chances_S = np.ones(1)
    for size in sizes:
        kernel = np.zeros(2 * size + 1)
        kernel[[0, -1]] = 0.5
        chances_S = np.convolve(chances_S, kernel)
    sums_S = np.arange(len(chances_S)) - len(chances_S) // 2
    return min(1.0, float(chances_S[np.abs(sums_S) >= abs(differences_C.sum())].sum()))


def holm_correction(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return p-values corrected for their number (Holm 1979), in the same order; None stays None and does not count."""
    known = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        corrected[place] = largest
    return tuple(corrected)
