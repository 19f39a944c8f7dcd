"""What a result means where pneumonia is as common as at a stated site: predictive values with intervals."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport
from core.evaluation.proportions import Interval, wilson_interval
from core.language import tr


@dataclass(frozen=True)
class MeasuredRates:
    """Sensitivity and specificity, 0 to 1, and how many independent images of each class they rest on."""

    sensitivity: float
    specificity: float
    num_positive: float
    num_negative: float
    num_films: int

    @classmethod
    def of(cls, reports: Iterable[EvaluationReport]) -> Self | None:
        """Return the rates over the images of all these reports, which share no patient; None if a class was not
        tested.

        A report of an older version does not say how alike a patient's images are: as if they all were, it counts as
        many independent images as it has patients.
        """
        reports = list(reports)
        positive = sum(one.confusion.tp + one.confusion.fn for one in reports)
        negative = sum(one.confusion.tn + one.confusion.fp for one in reports)
        if not positive or not negative:
            return None
        effective = [_effective(one) for one in reports]
        return cls(
            sensitivity=sum(one.confusion.tp for one in reports) / positive,
            specificity=sum(one.confusion.tn for one in reports) / negative,
            num_positive=sum(one for one, _ in effective),
            num_negative=sum(one for _, one in effective),
            num_films=positive + negative,
        )


@dataclass(frozen=True)
class PredictiveValues:
    """Shares, 0 to 1: of positive results that are true, and of negative results that are true."""

    prevalence: float
    ppv: float
    ppv_interval: Interval
    npv: float
    npv_interval: Interval


def predictive_values(tested: MeasuredRates, prevalence: float, confidence: float = 0.95) -> PredictiveValues:
    """Return the predictive values at a prevalence (0 to 1, both excluded).

    By Bayes: PPV = se·p / (se·p + (1 - sp)(1 - p)), NPV = sp(1 - p) / (sp(1 - p) + (1 - se)p). Both rise with
    sensitivity and with specificity, so their bounds are those at the two Wilson bounds, each taken at half the
    error (Bonferroni): the interval holds with at least the stated confidence. Raises EvaluationError.
    """
    if not 0 < prevalence < 1:
        raise EvaluationError(
            tr("A prevalence of {prevalence:g} is none: give a share between 0 and 1.", prevalence=prevalence)
        )
    each = 1 - (1 - confidence) / 2
    sensitivity, specificity = tested.sensitivity, tested.specificity
    sensitivities = wilson_interval(sensitivity * tested.num_positive, tested.num_positive, each)
    specificities = wilson_interval(specificity * tested.num_negative, tested.num_negative, each)
    if sensitivities is None or specificities is None:
        raise EvaluationError(tr("These rates rest on no images of one of the classes."))
    (se_low, se_high), (sp_low, sp_high) = sensitivities, specificities
    return PredictiveValues(
        prevalence=prevalence,
        ppv=_positive(sensitivity, specificity, prevalence),
        ppv_interval=(_positive(se_low, sp_low, prevalence), _positive(se_high, sp_high, prevalence)),
        npv=_negative(sensitivity, specificity, prevalence),
        npv_interval=(_negative(se_low, sp_low, prevalence), _negative(se_high, sp_high, prevalence)),
    )


def _effective(report: EvaluationReport) -> tuple[float, float]:
    if report.effective is not None:
        return report.effective.sensitivity, report.effective.specificity
    counts = report.confusion
    share = report.num_patients / report.n
    return (counts.tp + counts.fn) * share, (counts.tn + counts.fp) * share


def _positive(sensitivity: float, specificity: float, prevalence: float) -> float:
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    # Without any positive result the prevalence is all that is known.
    return true / (true + false) if true + false else prevalence


def _negative(sensitivity: float, specificity: float, prevalence: float) -> float:
    true, false = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return true / (true + false) if true + false else 1 - prevalence
