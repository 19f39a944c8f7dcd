"""What a result means where pneumonia is as common as at a stated site: predictive values with intervals."""

from dataclasses import dataclass

from core.errors import EvaluationError
from core.evaluation.metrics import ConfusionCounts
from core.evaluation.proportions import Interval, wilson_interval


@dataclass(frozen=True)
class PredictiveValues:
    """Shares, 0 to 1: of positive results that are true, and of negative results that are true."""

    prevalence: float
    ppv: float
    ppv_interval: Interval
    npv: float
    npv_interval: Interval


def predictive_values(
    confusion: ConfusionCounts, prevalence: float, confidence: float = 0.95
) -> PredictiveValues | None:
    """Return the predictive values at a prevalence (0 to 1, both excluded), None where one class was never tested.

    By Bayes: PPV = se·p / (se·p + (1 - sp)(1 - p)), NPV = sp(1 - p) / (sp(1 - p) + (1 - se)p). Both rise with
    sensitivity and with specificity, so their bounds are those at the two Wilson bounds, each taken at half the
    error (Bonferroni): the interval holds with at least the stated confidence. Raises EvaluationError.
    """
    if not 0 < prevalence < 1:
        raise EvaluationError(f"A prevalence of {prevalence:g} is none: give a share between 0 and 1.")
    num_positive, num_negative = confusion.tp + confusion.fn, confusion.tn + confusion.fp
    if not num_positive or not num_negative:
        return None
    each = 1 - (1 - confidence) / 2
    se_low, se_high = wilson_interval(confusion.tp, num_positive, each)
    sp_low, sp_high = wilson_interval(confusion.tn, num_negative, each)
    sensitivity, specificity = confusion.tp / num_positive, confusion.tn / num_negative
    return PredictiveValues(
        prevalence=prevalence,
        ppv=_positive(sensitivity, specificity, prevalence),
        ppv_interval=(_positive(se_low, sp_low, prevalence), _positive(se_high, sp_high, prevalence)),
        npv=_negative(sensitivity, specificity, prevalence),
        npv_interval=(_negative(se_low, sp_low, prevalence), _negative(se_high, sp_high, prevalence)),
    )


def _positive(sensitivity: float, specificity: float, prevalence: float) -> float:
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    # Without any positive result the prevalence is all that is known.
    return true / (true + false) if true + false else prevalence


def _negative(sensitivity: float, specificity: float, prevalence: float) -> float:
    true, false = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return true / (true + false) if true + false else 1 - prevalence
