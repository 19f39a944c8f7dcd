"""From a calibrated probability to a finding, a priority and the sentence that says why."""

from enum import StrEnum

from core.evaluation.operating_point import OperatingPoint


class Priority(StrEnum):
    """What the model alone would make of a film; where its study stands, the site's rules decide."""

    URGENT = "urgent"
    REVIEW = "review"
    ROUTINE = "routine"


class Status(StrEnum):
    """Whether a file was read."""

    READ = "read"
    REJECTED = "rejected"
    FAILED = "failed"


PRIORITY_OF_FINDING = {
    "pneumonia": Priority.URGENT,
    "uncertain": Priority.REVIEW,
    "normal": Priority.ROUTINE,
}


def explain(probability: float, finding: str, point: OperatingPoint) -> str:
    """Return what put a film into its band, in one sentence."""
    said = in_words(probability)
    low, high = f"{point.uncertain_low:.2f}", f"{point.uncertain_high:.2f}"
    match finding:
        case "pneumonia":
            return f"probability {said} is above the uncertain band {low} to {high}"
        case "uncertain":
            side = "above" if probability >= point.threshold else "below"
            return (
                f"probability {said} is within the uncertain band {low} to {high}, "
                f"{side} the threshold {point.threshold:.2f}: a human must decide"
            )
        case _:
            return f"probability {said} is below the uncertain band {low} to {high}; this does not exclude disease"


def in_words(probability: float) -> str:
    """Return a probability to two places, never as the 0.00 or 1.00 that would claim certainty."""
    if probability >= 0.995:
        return "over 0.99"
    return "under 0.01" if probability < 0.005 else f"{probability:.2f}"
