"""The figures of one set of labelled films at one threshold, each with its 95 % interval where it has one."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from core.evaluation.bootstrap import Figures, bootstrap_intervals
from core.evaluation.proportions import Interval, ratio, wilson_interval
from core.evaluation.ranking import (
    average_precision,
    divide,
    roc_auc,
    weighted_auc,
    weighted_average_precision,
)
from core.evaluation.reliability import expected_calibration_error
from core.evaluation.scores import check_labels_and_probabilities, clusters_of


class ConfusionCounts(BaseModel):
    """Films by truth and finding; pneumonia is positive."""

    model_config = ConfigDict(frozen=True)

    tn: int = Field(ge=0, description="Normal films found normal.")
    fp: int = Field(ge=0, description="Normal films found to be pneumonia.")
    fn: int = Field(ge=0, description="Pneumonia films found normal.")
    tp: int = Field(ge=0, description="Pneumonia films found to be pneumonia.")

    @classmethod
    def count(cls, labels_N: np.ndarray, probabilities_N: np.ndarray, threshold: float) -> Self:
        """Count the films; one is found positive when its probability is at least the threshold."""
        found_N = probabilities_N >= threshold
        return cls(
            tn=int((~labels_N & ~found_N).sum()),
            fp=int((~labels_N & found_N).sum()),
            fn=int((labels_N & ~found_N).sum()),
            tp=int((labels_N & found_N).sum()),
        )


class MetricIntervals(BaseModel):
    """95 % intervals: Wilson for accuracy, sensitivity and specificity, patient bootstrap for the rest."""

    model_config = ConfigDict(frozen=True)

    auc: Interval | None = None
    average_precision: Interval | None = None
    accuracy: Interval | None = None
    sensitivity: Interval | None = None
    specificity: Interval | None = None
    precision: Interval | None = None
    f1: Interval | None = None
    brier: Interval | None = None


class EvaluationReport(BaseModel):
    """Figures between 0 and 1 of `n` labelled films; None where a figure is undefined."""

    model_config = ConfigDict(frozen=True)

    n: int = Field(ge=0, description="Films that were scored.")
    num_positive: int = Field(ge=0, description="Films labelled pneumonia.")
    num_patients: int = Field(ge=0, description="Patients the films come from; each film its own if not known.")
    auc: float | None
    average_precision: float | None
    accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    precision: float | None
    f1: float | None
    threshold: float = Field(description="A film is positive when its probability is at least this.")
    brier: float | None
    ece: float | None = Field(description="Expected calibration error in 15 bins of equal width.")
    confusion: ConfusionCounts
    ci: MetricIntervals


def evaluate_probabilities(
    labels_N: ArrayLike,
    probabilities_N: ArrayLike,
    threshold: float,
    *,
    patients_N: ArrayLike | None = None,
    num_resamples: int = 2000,
    seed: int = 0,
) -> EvaluationReport:
    """Return every figure of these films; the order of the films does not matter.

    Labels are 0 or 1, probabilities P(pneumonia) from 0 to 1, both [N]; `patients_N` names each film's patient. With
    `num_resamples` 0 only Wilson intervals are given. Raises EvaluationError for labels, probabilities or patients that
    do not fit.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    labels, probabilities, clusters_N = arrange(labels, probabilities, patients_N)
    confusion = ConfusionCounts.count(labels, probabilities, threshold)
    tn, fp, fn, tp = confusion.tn, confusion.fp, confusion.fn, confusion.tp
    n = len(labels)
    return EvaluationReport(
        n=n,
        num_positive=tp + fn,
        num_patients=int(clusters_N.max()) + 1 if n else 0,
        auc=roc_auc(labels, probabilities),
        average_precision=average_precision(labels, probabilities),
        accuracy=ratio(tp + tn, n),
        sensitivity=ratio(tp, tp + fn),
        specificity=ratio(tn, tn + fp),
        precision=ratio(tp, tp + fp),
        f1=ratio(2 * tp, 2 * tp + fp + fn),
        threshold=threshold,
        brier=float(np.mean((probabilities - labels) ** 2)) if n else None,
        ece=expected_calibration_error(labels, probabilities),
        confusion=confusion,
        ci=MetricIntervals(
            accuracy=wilson_interval(tp + tn, n),
            sensitivity=wilson_interval(tp, tp + fn),
            specificity=wilson_interval(tn, tn + fp),
            **resample(labels, probabilities, clusters_N, threshold, num_resamples, seed),
        ),
    )


def arrange(
    labels_N: np.ndarray, probabilities_N: np.ndarray, patients_N: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the films in ascending order of probability, with patient numbers from 0 that no shuffling changes."""
    if patients_N is None:
        order = np.lexsort((labels_N, probabilities_N))
        return labels_N[order], probabilities_N[order], np.arange(len(order))
    clusters_N = clusters_of(patients_N, len(labels_N))
    order = np.lexsort((clusters_N, labels_N, probabilities_N))
    return labels_N[order], probabilities_N[order], clusters_N[order]


def resample(
    labels_N: np.ndarray,
    probabilities_N: np.ndarray,
    clusters_N: np.ndarray,
    threshold: float,
    num_resamples: int,
    seed: int,
) -> dict[str, Interval | None]:
    """Return the bootstrap intervals of the figures that are no plain proportions of fixed numbers of films."""
    found_N = probabilities_N >= threshold
    squared_error_N = (probabilities_N - labels_N) ** 2

    def measure(weights_RN: np.ndarray) -> Figures:
        """Return each figure of R resamples, given how often each film is in each."""
        true_positive_R = weights_RN @ (labels_N & found_N)
        flagged_R = weights_RN @ found_N.astype(float)
        return {
            "auc": weighted_auc(labels_N, probabilities_N, weights_RN),
            "average_precision": weighted_average_precision(labels_N, probabilities_N, weights_RN),
            "precision": divide(true_positive_R, flagged_R),
            "f1": divide(2 * true_positive_R, flagged_R + weights_RN @ labels_N),
            "brier": divide(weights_RN @ squared_error_N, weights_RN.sum(axis=1)),
        }

    if len(labels_N) == 0:
        return {}
    return bootstrap_intervals(measure, clusters_N, num_resamples=num_resamples, seed=seed)
