"""How figures of runs are said on the Experiments page."""

from core.evaluation.proportions import say_interval


def figure(value: object, digits: int = 3) -> str:
    """Return a number as people read it, a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if abs(value) < 0.01 else f"{value:.{digits}f}"
    return str(value)


def bounds(interval: tuple[float, float] | None, num_decimals: int = 3) -> str:
    """Return both ends of an interval, a dash where there is none."""
    return say_interval(interval, num_decimals) if interval else "–"
