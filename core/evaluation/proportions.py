"""Intervals of proportions, also where the images of one patient are alike, and how shares are written.

Shapes: N images.
"""

from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]


def wilson_interval(num_hits: float, num_trials: float, confidence: float = 0.95) -> Interval | None:
    """Return Wilson's score interval (Wilson 1927) of a proportion, None without trials.

    The numbers need not be whole: of dependent trials there are as many as `effective_number` says.
    """
    if not num_trials:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = num_hits / num_trials
    middle = share + z * z / (2 * num_trials)
    reach = z * (share * (1 - share) / num_trials + z * z / (4 * num_trials**2)) ** 0.5
    scale = 1 + z * z / num_trials
    # Of none or of all the bound is exact, whatever rounding says.
    low = 0.0 if num_hits <= 0 else max(0.0, (middle - reach) / scale)
    high = 1.0 if num_hits >= num_trials else min(1.0, (middle + reach) / scale)
    return low, high


def effective_number(hits_N: np.ndarray, clusters_N: np.ndarray) -> float:
    """Return how many independent images tell as much of a proportion as these, of which some are of one patient.

    The number of images over the design effect (Rao and Scott 1992): the variance of the share between patients over
    that of independent images, at least 1. Where all or none are hits nothing shows how alike a patient's images are:
    they then count as one.
    """
    hits = np.asarray(hits_N, dtype=bool)
    num_films = len(hits)
    if not num_films:
        return 0.0
    sizes_C = np.bincount(clusters_N)
    hits_C = np.bincount(clusters_N, weights=hits)[sizes_C > 0]
    sizes_C = sizes_C[sizes_C > 0]
    num_patients = len(sizes_C)
    share = float(hits.mean())
    if num_patients == num_films:
        return float(num_films)
    if num_patients == 1 or share in (0.0, 1.0):
        return float(num_patients)
    residuals_C = hits_C - share * sizes_C
    between = num_patients / (num_patients - 1) * float(residuals_C @ residuals_C) / num_films**2
    return num_films / max(1.0, between / (share * (1 - share) / (num_films - 1)))


def clustered_interval(hits_N: np.ndarray, clusters_N: np.ndarray, confidence: float = 0.95) -> Interval | None:
    """Return Wilson's interval of the share of hits with the images of one patient counted together."""
    number = effective_number(hits_N, clusters_N)
    return wilson_interval(float(np.mean(hits_N)) * number, number, confidence) if number else None


def say_share(share: float, num_decimals: int = 1) -> str:
    """Return a share from 0 to 1 as a percentage; one that only rounds to 0 or 100 % is said to be above or below."""
    step = 10.0 ** -(num_decimals + 2)
    if 0 < share < step / 2:
        return f"< {step:.{num_decimals}%}"
    if 1 - step / 2 <= share < 1:
        return f"> {1 - step:.{num_decimals}%}"
    return f"{share:.{num_decimals}%}"


def say_fraction(value: float, num_decimals: int = 3) -> str:
    """Return a number from 0 to 1 with decimals; one that only rounds to 0 or 1 is said to be above or below."""
    step = 10.0**-num_decimals
    if 0 < value < step / 2:
        return f"< {step:.{num_decimals}f}"
    if 1 - step / 2 <= value < 1:
        return f"> {1 - step:.{num_decimals}f}"
    return f"{value:.{num_decimals}f}"


def kept_inside_0_and_1(value: float | None, num_decimals: int = 3) -> float | None:
    """Return a number from 0 to 1 as a column with decimals may show it: one that would round to 0 or 1 moves inside.

    A column that sorts by its numbers cannot say "> 0.999".
    """
    if value is None:
        return None
    step = 10.0**-num_decimals
    if 0 < value < 1:
        return min(max(value, step), 1 - step) if value < step / 2 or value >= 1 - step / 2 else value
    return value


def say_interval(interval: Interval, num_decimals: int = 3) -> str:
    """Return both ends of an interval of a number from 0 to 1; an end at 0 or 1 is written as it is."""
    return f"{say_fraction(interval[0], num_decimals)} to {say_fraction(interval[1], num_decimals)}"


def ratio(numerator: float, denominator: float) -> float | None:
    """Return the ratio, None where it is undefined."""
    return float(numerator / denominator) if denominator else None
