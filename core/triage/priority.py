"""From a calibrated probability to a finding, a priority and the reason for them."""

from enum import StrEnum

from core.evaluation.operating_point import OperatingPoint
from core.reasons import AboveBand, BelowBand, Reason, WithinBand


class Priority(StrEnum):
    """What the model alone would make of an image; where its study stands, the site's rules decide."""

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


def explain(probability: float, finding: str, point: OperatingPoint) -> Reason:
    """Return what put an image into its band."""
    low, high = point.uncertain_low, point.uncertain_high
    match finding:
        case "pneumonia":
            return AboveBand(probability, low, high)
        case "uncertain":
            return WithinBand(probability, low, high, point.threshold)
        case _:
            return BelowBand(probability, low, high)
