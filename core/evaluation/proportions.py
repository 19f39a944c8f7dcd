"""Intervals of proportions."""

Interval = tuple[float, float]


WILSON_NOTE = (
    "Intervals of accuracy, sensitivity and specificity take each image for itself and are too narrow where "
    "patients have several; those of the other figures count a patient's images together."
)


def wilson_interval(num_hits: int, num_trials: int, confidence: float = 0.95) -> Interval | None:
    """Return Wilson's score interval (Wilson 1927) of a proportion, None without trials."""
    # Here, since it takes half a second, and every page reads cards that only hold such intervals.
    from scipy.stats import binomtest

    if not num_trials:
        return None
    found = binomtest(num_hits, num_trials).proportion_ci(confidence_level=confidence, method="wilson")
    return float(found.low), float(found.high)


def say_share(share: float, num_decimals: int = 1) -> str:
    """Return a share from 0 to 1 as a percentage; one that only rounds to 0 or 100 % is said to be above or below."""
    step = 10.0 ** -(num_decimals + 2)
    if 0 < share < step / 2:
        return f"< {step:.{num_decimals}%}"
    if 1 - step / 2 <= share < 1:
        return f"> {1 - step:.{num_decimals}%}"
    return f"{share:.{num_decimals}%}"


def ratio(numerator: float, denominator: float) -> float | None:
    """Return the ratio, None where it is undefined."""
    return float(numerator / denominator) if denominator else None
