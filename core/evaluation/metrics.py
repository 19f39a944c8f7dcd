"""The figures of one set of labelled images at one threshold, each with its 95 % interval where it has one."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from core.evaluation.bootstrap import bootstrap_intervals
from core.evaluation.catalogue import METRIC, METRICS, Metric, ScoredFilms, WeightedFilms
from core.evaluation.proportions import Interval, effective_number, wilson_interval
from core.evaluation.scores import check_labels_and_probabilities, clusters_of
from core.language import mark, tr


class ConfusionCounts(BaseModel):
    """Images by truth and finding; pneumonia is positive."""

    model_config = ConfigDict(frozen=True)

    tn: int = Field(ge=0, description=mark("Normal images found normal."))
    fp: int = Field(ge=0, description=mark("Normal images found to be pneumonia."))
    fn: int = Field(ge=0, description=mark("Pneumonia images found normal."))
    tp: int = Field(ge=0, description=mark("Pneumonia images found to be pneumonia."))

    @classmethod
    def count(cls, labels_N: np.ndarray, probabilities_N: np.ndarray, threshold: float) -> Self:
        """Count the images; one is found positive when its probability is at least the threshold."""
        found_N = probabilities_N >= threshold
        return cls(
            tn=int((~labels_N & ~found_N).sum()),
            fp=int((~labels_N & found_N).sum()),
            fn=int((labels_N & ~found_N).sum()),
            tp=int((labels_N & found_N).sum()),
        )


def _figure(key: str, default: Any = ...) -> Any:
    """Return the field of a metric, described as the catalogue has it; with a default, reports may lack it."""
    metric = METRIC[key]
    return Field(
        default,
        title=metric.name,
        description=metric.help,
        json_schema_extra={"better": metric.direction.value, "range": [metric.low, metric.high]},
    )


class MetricIntervals(BaseModel):
    """95 % intervals of the metrics; null where there is none."""

    model_config = ConfigDict(frozen=True)

    auc: Interval | None = None
    average_precision: Interval | None = None
    accuracy: Interval | None = None
    sensitivity: Interval | None = None
    specificity: Interval | None = None
    precision: Interval | None = None
    f1: Interval | None = None
    brier: Interval | None = None


class EffectiveNumbers(BaseModel):
    """How many independent images the interval of each proportion rests on: those of one patient count together."""

    model_config = ConfigDict(frozen=True)

    accuracy: float = Field(ge=0)
    sensitivity: float = Field(ge=0)
    specificity: float = Field(ge=0)


class EvaluationReport(BaseModel):
    """Figures between 0 and 1 of `n` labelled images; None where a figure is undefined."""

    model_config = ConfigDict(frozen=True)

    n: int = Field(ge=0, description=mark("Images that were scored."))
    num_positive: int = Field(ge=0, description=mark("Images labelled pneumonia."))
    num_patients: int = Field(ge=0, description=mark("Patients the images come from; each image its own if not known."))
    auc: float | None = _figure("auc")
    average_precision: float | None = _figure("average_precision")
    accuracy: float | None = _figure("accuracy")
    sensitivity: float | None = _figure("sensitivity")
    specificity: float | None = _figure("specificity")
    precision: float | None = _figure("precision")
    f1: float | None = _figure("f1")
    threshold: float = Field(description=mark("An image is positive when its probability is at least this."))
    brier: float | None = _figure("brier")
    ece: float | None = _figure("ece")
    confusion: ConfusionCounts
    ci: MetricIntervals
    effective: EffectiveNumbers | None = Field(
        default=None,
        description=mark("Null in reports of older versions: their Wilson intervals take each image for itself."),
    )
    engine: str = Field(
        default="", description=mark("What computed the scores, with its number format; empty where not recorded.")
    )

    def say(self, key: str) -> str:
        """Return a metric of this report in words, with its 95 % interval where it has one."""
        return METRIC[key].say(getattr(self, key), getattr(self.ci, key, None))


PATIENTS_TOGETHER = mark("Intervals and tests count the images of one patient together.")
NO_KNOWN_PATIENTS = mark(
    "Each image counts as a patient of its own, since no two are known to be of one: intervals and tests claim too "
    "much where patients have several."
)
IMAGES_ALONE = mark(
    "Intervals of accuracy, sensitivity and specificity are of an older version and take each image for itself: they "
    "are too narrow where patients have several. Those of the other figures count a patient's images together."
)


def interval_notes(reports: Sequence[EvaluationReport]) -> tuple[str, ...]:
    """Return what must be said beside these reports: how their intervals and tests treat a patient's images."""
    notes = []
    for report in reports:
        if report.num_patients == report.n:
            notes.append(NO_KNOWN_PATIENTS)
        else:
            notes.append(IMAGES_ALONE if report.effective is None else PATIENTS_TOGETHER)
    return tuple(tr(note) for note in dict.fromkeys(notes))


def engine_text(report: EvaluationReport) -> str:
    """Return what computed a report's scores, engine and number format."""
    return report.engine or tr("not recorded")


def evaluate_probabilities(
    labels_N: ArrayLike,
    probabilities_N: ArrayLike,
    threshold: float,
    *,
    patients_N: ArrayLike | None = None,
    num_resamples: int = 2000,
    seed: int = 0,
    engine: str = "",
) -> EvaluationReport:
    """Return every figure of these images; the order of the images does not matter.

    Labels are 0 or 1, probabilities P(pneumonia) from 0 to 1, both [N]; `patients_N` names each image's patient, and
    `engine` what computed them. With `num_resamples` 0 only Wilson intervals are given. Raises EvaluationError for
    labels, probabilities or patients that do not fit.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    labels, probabilities, clusters_N = arrange(labels, probabilities, patients_N)
    films = ScoredFilms(labels, probabilities, threshold)
    intervals, effective = proportion_intervals(films, clusters_N)
    return EvaluationReport(
        n=len(labels),
        num_positive=int(labels.sum()),
        num_patients=int(clusters_N.max()) + 1 if len(labels) else 0,
        **{metric.key: metric.measure(films) for metric in METRICS},
        threshold=threshold,
        confusion=ConfusionCounts.count(labels, probabilities, threshold),
        ci=MetricIntervals(**intervals, **resampled_intervals(METRICS, films, clusters_N, num_resamples, seed)),
        effective=effective,
        engine=engine,
    )


def arrange(
    labels_N: np.ndarray, probabilities_N: np.ndarray, patients_N: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the images in ascending order of probability, with patient numbers from 0 that no shuffling changes."""
    if patients_N is None:
        order = np.lexsort((labels_N, probabilities_N))
        return labels_N[order], probabilities_N[order], np.arange(len(order))
    clusters_N = clusters_of(patients_N, len(labels_N))
    order = np.lexsort((clusters_N, labels_N, probabilities_N))
    return labels_N[order], probabilities_N[order], clusters_N[order]


def proportion_intervals(
    films: ScoredFilms, clusters_N: np.ndarray
) -> tuple[dict[str, Interval | None], EffectiveNumbers]:
    """Return the intervals of the metrics that are proportions, and how many independent images each rests on."""
    intervals, numbers = {}, {}
    for metric in METRICS:
        if metric.counted is None:
            continue
        hits_N, among_N = metric.counted(films)
        number = effective_number(hits_N[among_N], clusters_N[among_N])
        share = metric.measure(films)
        intervals[metric.key] = None if share is None else wilson_interval(share * number, number)
        numbers[metric.key] = number
    return intervals, EffectiveNumbers(**numbers)


def resampled_intervals(
    metrics: Sequence[Metric], films: ScoredFilms, clusters_N: np.ndarray, num_resamples: int, seed: int
) -> dict[str, Interval | None]:
    """Return the bootstrap intervals of the metrics that are no proportions of a fixed number of images."""
    chosen = {metric.key: metric.resampled for metric in metrics if metric.resampled is not None}

    def measure(weights_RN: np.ndarray) -> dict[str, np.ndarray]:
        """Return each figure of R resamples, given how often each image is in each."""
        drawn = WeightedFilms(films, weights_RN)
        return {key: resampled(drawn) for key, resampled in chosen.items()}

    if len(films.labels_N) == 0:
        return {}
    return bootstrap_intervals(measure, clusters_N, num_resamples=num_resamples, seed=seed)
