"""Chooses the threshold and the range in which a human must decide, on images kept for that purpose."""

from enum import StrEnum
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import EvaluationError
from core.evaluation.proportions import say_fraction, say_share
from core.evaluation.scores import check_labels_and_probabilities, require_both_classes
from core.language import mark, tr

Finding = Literal["pneumonia", "normal", "uncertain"]


class RuleKind(StrEnum):
    """What the threshold is chosen for."""

    YOUDEN = "youden"
    TARGET_SENSITIVITY = "target_sensitivity"
    TARGET_SPECIFICITY = "target_specificity"
    COST_RATIO = "cost_ratio"


class OperatingPointRule(BaseModel):
    """How an operating point is chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: RuleKind = Field(default=RuleKind.YOUDEN, description=mark("What the threshold is chosen for."))
    target: float = Field(
        default=0.95, gt=0, le=1, description=mark("Least sensitivity or specificity, for the kinds with a target.")
    )
    cost_ratio: float = Field(
        default=5.0, gt=0, le=1000, description=mark("Cost of a missed pneumonia in false alarms.")
    )
    uncertain_miss_rate: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description=mark("At most this share of pneumonia images may lie below the indeterminate range."),
    )
    uncertain_false_alarm_rate: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description=mark("At most this share of normal images may lie above the indeterminate range."),
    )
    minimum_half_width: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        description=mark("The indeterminate range reaches at least this far on both sides of the threshold."),
    )


class OperatingPoint(BaseModel):
    """A threshold and an indeterminate range on calibrated probabilities; never changed once chosen."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, max_length=128, description=mark("What people call it."))
    threshold: float = Field(ge=0, le=1, description=mark("An image counts as positive from this probability on."))
    uncertain_low: float = Field(ge=0, le=1, description=mark("Lower end of the indeterminate range, part of it."))
    uncertain_high: float = Field(ge=0, le=1, description=mark("Upper end of the indeterminate range, part of it."))
    rule: str = Field(description=mark("How it was chosen, in a sentence."))
    chosen_on: str = Field(description=mark("The images it was chosen on."))

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """Refuse a range that does not hold the threshold."""
        if not self.uncertain_low <= self.threshold <= self.uncertain_high:
            raise ValueError(tr("the indeterminate range must contain the threshold"))
        return self

    def finding(self, probability: float) -> Finding:
        """Return what an image with this calibrated probability is; a range of no width is never indeterminate."""
        in_band = self.uncertain_low <= probability <= self.uncertain_high
        if in_band and self.uncertain_low < self.uncertain_high:
            return "uncertain"
        return "pneumonia" if probability >= self.threshold else "normal"


class Cuts:
    """Every threshold that divides the images differently, ascending [K], with the errors each one makes."""

    def __init__(self, labels_N: np.ndarray, probabilities_N: np.ndarray) -> None:
        scores_G, group_N = np.unique(probabilities_N, return_inverse=True)
        positive_G = np.bincount(group_N, weights=labels_N)
        negative_G = np.bincount(group_N, weights=~labels_N)
        self.num_positive = float(positive_G.sum())
        self.num_negative = float(negative_G.sum())
        self.thresholds_K = cuts_between(scores_G)
        # The first cut lies below all scores; with a highest score of 1 no cut lies above them.
        num_cuts = len(self.thresholds_K)
        self.misses_K = np.r_[0, np.cumsum(positive_G)][:num_cuts]
        self.false_alarms_K = (self.num_negative - np.r_[0, np.cumsum(negative_G)])[:num_cuts]


def cuts_between(scores_G: np.ndarray) -> np.ndarray:
    """Return the middle of each gap between neighbouring distinct scores, and between the outer ones and 0 and 1."""
    low_G, high_G = np.r_[0.0, scores_G], np.r_[scores_G, 1.0]
    middle_K = (low_G + high_G) / 2
    # Between two neighbouring floating-point numbers there is no middle.
    middle_K = np.where(middle_K > low_G, middle_K, high_G)
    return middle_K[:-1] if scores_G[-1] == 1.0 else middle_K


def choose_operating_point(
    labels_N: ArrayLike, probabilities_N: ArrayLike, rule: OperatingPointRule, *, name: str, chosen_on: str
) -> OperatingPoint:
    """Return the operating point that the rule asks for on these images (labels 0 or 1, calibrated probabilities, [N]).

    Of equally good thresholds the lowest is taken, because a miss harms more than a false alarm. Raises EvaluationError
    if a class is missing or a target cannot be met.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    require_both_classes(labels, "Choosing an operating point")
    cuts = Cuts(labels, probabilities)
    chosen = choose_cut(cuts, rule)
    threshold = float(cuts.thresholds_K[chosen])
    low, high = choose_band(cuts, chosen, rule)
    return OperatingPoint(
        name=name,
        threshold=threshold,
        uncertain_low=low,
        uncertain_high=high,
        rule=describe(rule, cuts, chosen),
        chosen_on=chosen_on,
    )


def choose_cut(cuts: Cuts, rule: OperatingPointRule) -> int:
    """Return the index of the cut that the rule asks for."""
    if rule.kind is RuleKind.YOUDEN:
        # Scaled to whole numbers, so that equal choices are equal and not a rounding apart.
        return int(np.argmin(cuts.misses_K * cuts.num_negative + cuts.false_alarms_K * cuts.num_positive))
    if rule.kind is RuleKind.COST_RATIO:
        return int(np.argmin(np.round(rule.cost_ratio * cuts.misses_K + cuts.false_alarms_K, 9)))
    if rule.kind is RuleKind.TARGET_SENSITIVITY:
        return int(np.flatnonzero(cuts.misses_K <= allowed(1 - rule.target, cuts.num_positive))[-1])
    good_enough = np.flatnonzero(cuts.false_alarms_K <= allowed(1 - rule.target, cuts.num_negative))
    if not len(good_enough):
        raise EvaluationError(
            tr(
                "No threshold reaches a specificity of {target:g} on these images, because too many normal ones have "
                "the probability 1. Choose a lower target or calibrate the model first.",
                target=rule.target,
            )
        )
    return int(good_enough[0])


def allowed(rate: float, num_films: float) -> float:
    """Return how many images a rate allows, forgiving rounding (0.05 of 100 is 5)."""
    return rate * num_films + 1e-9


def choose_band(cuts: Cuts, chosen: int, rule: OperatingPointRule) -> tuple[float, float]:
    """Return both ends of the indeterminate range, which holds the chosen cut."""
    threshold = float(cuts.thresholds_K[chosen])
    safe_below = np.flatnonzero(cuts.misses_K <= allowed(rule.uncertain_miss_rate, cuts.num_positive))
    safe_above = np.flatnonzero(cuts.false_alarms_K <= allowed(rule.uncertain_false_alarm_rate, cuts.num_negative))
    low = float(cuts.thresholds_K[safe_below[-1]])
    high = float(cuts.thresholds_K[safe_above[0]]) if len(safe_above) else 1.0
    low = min(low, threshold - rule.minimum_half_width)
    high = max(high, threshold + rule.minimum_half_width)
    return max(low, 0.0), min(high, 1.0)


def describe(rule: OperatingPointRule, cuts: Cuts, chosen: int) -> str:
    """Return the rule as a sentence, with what it gave on the images that chose it."""
    purpose = {
        RuleKind.YOUDEN: "The highest sum of sensitivity and specificity (Youden)",
        RuleKind.TARGET_SENSITIVITY: f"The highest specificity with a sensitivity of at least {rule.target:g}",
        RuleKind.TARGET_SPECIFICITY: f"The highest sensitivity with a specificity of at least {rule.target:g}",
        RuleKind.COST_RATIO: f"The lowest cost with one miss costing as much as {rule.cost_ratio:g} false alarms",
    }[rule.kind]
    sensitivity = 1 - cuts.misses_K[chosen] / cuts.num_positive
    specificity = 1 - cuts.false_alarms_K[chosen] / cuts.num_negative
    missed, alarmed = say_share(rule.uncertain_miss_rate), say_share(rule.uncertain_false_alarm_rate)
    return (
        f"{purpose}: sensitivity {say_fraction(sensitivity)} and specificity {say_fraction(specificity)} on "
        f"{cuts.num_positive:.0f} images with pneumonia and {cuts.num_negative:.0f} without. Below the indeterminate "
        f"range lie at most {missed} of the former, above it at most {alarmed} of the latter."
    )
