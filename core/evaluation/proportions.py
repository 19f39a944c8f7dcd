"""Intervals of proportions."""

Interval = tuple[float, float]


def wilson_interval(num_hits: int, num_trials: int, confidence: float = 0.95) -> Interval | None:
    """Return Wilson's score interval (Wilson 1927) of a proportion, None without trials."""
    # Here, since it takes half a second, and every page reads cards that only hold such intervals.
    from scipy.stats import binomtest

    if not num_trials:
        return None
    found = binomtest(num_hits, num_trials).proportion_ci(confidence_level=confidence, method="wilson")
    return float(found.low), float(found.high)


def ratio(numerator: float, denominator: float) -> float | None:
    """Return the ratio, None where it is undefined."""
    return float(numerator / denominator) if denominator else None
