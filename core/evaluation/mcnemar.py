"""McNemar's exact test of two readers' errors on the same films (McNemar 1947), and Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from core.errors import EvaluationError


@dataclass(frozen=True)
class ErrorComparison:
    """On how many films only one of two readers errs, and how likely so uneven a share is by chance (two-sided)."""

    num_only_first_wrong: int
    num_only_second_wrong: int
    num_both_wrong: int
    p_value: float


def mcnemar_test(wrong_first_N: ArrayLike, wrong_second_N: ArrayLike) -> ErrorComparison:
    """Compare two readers by the films that only one of them got wrong; the exact binomial form, right at any number.

    Takes whether each film was misread, [N] each. p is 1 where they err on the same films. Raises EvaluationError if
    the numbers of films differ.
    """
    first_N, second_N = np.asarray(wrong_first_N, dtype=bool), np.asarray(wrong_second_N, dtype=bool)
    if first_N.shape != second_N.shape or first_N.ndim != 1:
        raise EvaluationError("McNemar's test needs the errors of both models on the same films.")
    only_first, only_second = int((first_N & ~second_N).sum()), int((~first_N & second_N).sum())
    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0
    return ErrorComparison(only_first, only_second, int((first_N & second_N).sum()), p_value)


def holm_correction(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return p-values corrected for their number (Holm 1979), in the same order; None stays None and does not count."""
    known = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        corrected[place] = largest
    return tuple(corrected)
