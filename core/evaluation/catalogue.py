"""Every metric of a report, each defined once: what it is called, means, ranges over and is computed from.

Reports, cards, pages, the command line and the schemas of the REST API are made from this list. Shapes: N images,
R resamples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

import numpy as np

from core.evaluation.proportions import Interval, ratio, say_fraction, say_interval
from core.evaluation.ranking import average_precision, divide, roc_auc, weighted_auc, weighted_average_precision
from core.evaluation.reliability import expected_calibration_error
from core.language import mark, tr


class Direction(StrEnum):
    """Which values are better."""

    HIGHER = "higher"
    LOWER = "lower"


class IntervalKind(StrEnum):
    """How a metric's 95 % interval is computed; in either way the images of one patient count together."""

    WILSON = mark("Wilson, the images of one patient counted together")
    BOOTSTRAP = mark("bootstrap of whole patients")
    NONE = "none"


@dataclass(frozen=True)
class ScoredFilms:
    """Labels (True is pneumonia), probabilities in ascending order and a threshold, of N images."""

    labels_N: np.ndarray
    probabilities_N: np.ndarray
    threshold: float

    @cached_property
    def flags(self) -> np.ndarray:
        """Whether each image [N] is found positive: its probability is at least the threshold."""
        return self.probabilities_N >= self.threshold

    @cached_property
    def hits(self) -> np.ndarray:
        """Whether each image [N] shows pneumonia and is flagged."""
        return self.labels_N & self.flags


class WeightedFilms:
    """Scored images in many weightings at once: `weights_RN` says how often each resample holds each image."""

    def __init__(self, films: ScoredFilms, weights_RN: np.ndarray) -> None:
        self.films, self.weights_RN = films, weights_RN

    @cached_property
    def num_hits(self) -> np.ndarray:
        """The flagged images with pneumonia of each resample."""
        return self.weights_RN @ self.films.hits.astype(np.float64)

    @cached_property
    def num_flags(self) -> np.ndarray:
        """The flagged images of each resample [R]."""
        return self.weights_RN @ self.films.flags.astype(np.float64)

    @cached_property
    def num_positive(self) -> np.ndarray:
        """The images with pneumonia of each resample [R]."""
        return self.weights_RN @ self.films.labels_N.astype(np.float64)


@dataclass(frozen=True)
class Metric:
    """One metric from 0 to 1.

    `measure` gives its value, None where it is undefined. A proportion has `counted`: which images are hits [N], and
    among which [N]; a metric with a bootstrap has `resampled`, its value in each resample [R].
    """

    key: str
    title: str
    abbreviation: str
    explanation: str
    measure: Callable[[ScoredFilms], float | None]
    direction: Direction = Direction.HIGHER
    low: float = 0.0
    high: float = 1.0
    num_decimals: int = 3
    moves_with_threshold: bool = True
    counted: Callable[[ScoredFilms], tuple[np.ndarray, np.ndarray]] | None = None
    resampled: Callable[[WeightedFilms], np.ndarray] | None = None

    @property
    def name(self) -> str:
        """What it is called, in the current language."""
        return tr(self.title)

    @property
    def short(self) -> str:
        """What it is called where there is little room."""
        return tr(self.abbreviation)

    @property
    def interval_kind(self) -> IntervalKind:
        """How its interval is computed."""
        if self.counted is not None:
            return IntervalKind.WILSON
        return IntervalKind.NONE if self.resampled is None else IntervalKind.BOOTSTRAP

    @property
    def help(self) -> str:
        """What it means and how its interval is made, for anyone who points at it."""
        if self.interval_kind is IntervalKind.NONE:
            return tr(self.explanation)
        return tr(
            "{explanation} Interval: {interval_kind}.",
            explanation=tr(self.explanation),
            interval_kind=tr(self.interval_kind),
        )

    def say(self, value: float | None, interval: Interval | None = None) -> str:
        """Return a value as people read it, with its interval where there is one; nothing is rounded to 0 or 1."""
        if value is None:
            return tr("undefined")
        said = say_fraction(value, self.num_decimals)
        return f"{said} ({say_interval(interval, self.num_decimals)})" if interval else said


def _right(films: ScoredFilms) -> tuple[np.ndarray, np.ndarray]:
    return films.flags == films.labels_N, np.ones(len(films.labels_N), dtype=bool)


def _flagged_of_positive(films: ScoredFilms) -> tuple[np.ndarray, np.ndarray]:
    return films.flags, films.labels_N


def _clear_of_negative(films: ScoredFilms) -> tuple[np.ndarray, np.ndarray]:
    return ~films.flags, ~films.labels_N


def _share_of(
    counted: Callable[[ScoredFilms], tuple[np.ndarray, np.ndarray]],
) -> Callable[[ScoredFilms], float | None]:
    def measure(films: ScoredFilms) -> float | None:
        hits_N, among_N = counted(films)
        return ratio(int((hits_N & among_N).sum()), int(among_N.sum()))

    return measure


def _squares(films: ScoredFilms) -> np.ndarray:
    return (films.probabilities_N - films.labels_N) ** 2


METRICS: tuple[Metric, ...] = (
    Metric(
        "auc",
        "AUC",
        "AUC",
        mark(
            "Area under the ROC curve: how often an image with pneumonia gets a higher probability than one without; "
            "0.5 is chance."
        ),
        lambda films: roc_auc(films.labels_N, films.probabilities_N),
        num_decimals=4,
        moves_with_threshold=False,
        resampled=lambda drawn: weighted_auc(drawn.films.labels_N, drawn.films.probabilities_N, drawn.weights_RN),
    ),
    Metric(
        "average_precision",
        mark("Average precision"),
        "AP",
        mark("Area under the precision–recall curve, in steps."),
        lambda films: average_precision(films.labels_N, films.probabilities_N),
        num_decimals=4,
        moves_with_threshold=False,
        resampled=lambda drawn: weighted_average_precision(
            drawn.films.labels_N, drawn.films.probabilities_N, drawn.weights_RN
        ),
    ),
    Metric(
        "accuracy",
        mark("Accuracy at threshold"),
        mark("Accuracy"),
        mark("Share of all images classified correctly at the threshold."),
        _share_of(_right),
        counted=_right,
    ),
    Metric(
        "sensitivity",
        mark("Sensitivity"),
        mark("Sens."),
        mark("Share of the pneumonia images that are flagged (recall)."),
        _share_of(_flagged_of_positive),
        counted=_flagged_of_positive,
    ),
    Metric(
        "specificity",
        mark("Specificity"),
        mark("Spec."),
        mark("Share of the normal images that are not flagged."),
        _share_of(_clear_of_negative),
        counted=_clear_of_negative,
    ),
    Metric(
        "precision",
        mark("Precision"),
        mark("Prec."),
        mark("Share of the flagged images that show pneumonia, among these images."),
        lambda films: ratio(int(films.hits.sum()), int(films.flags.sum())),
        resampled=lambda drawn: divide(drawn.num_hits, drawn.num_flags),
    ),
    Metric(
        "f1",
        "F1",
        "F1",
        mark("Harmonic mean of precision and sensitivity."),
        lambda films: ratio(2 * int(films.hits.sum()), int(films.flags.sum()) + int(films.labels_N.sum())),
        resampled=lambda drawn: divide(2 * drawn.num_hits, drawn.num_flags + drawn.num_positive),
    ),
    Metric(
        "brier",
        mark("Brier score"),
        mark("Brier"),
        mark("Mean squared distance of probability and truth; lower is better."),
        lambda films: float(np.mean(_squares(films))) if len(films.labels_N) else None,
        direction=Direction.LOWER,
        moves_with_threshold=False,
        resampled=lambda drawn: divide(drawn.weights_RN @ _squares(drawn.films), drawn.weights_RN.sum(axis=1)),
    ),
    Metric(
        "ece",
        mark("Calibration error (ECE)"),
        "ECE",
        mark(
            "Expected calibration error: mean gap between stated probability and share of pneumonia in 15 bins of "
            "equal width; lower is better."
        ),
        lambda films: expected_calibration_error(films.labels_N, films.probabilities_N),
        direction=Direction.LOWER,
        moves_with_threshold=False,
    ),
)
METRIC: MappingProxyType[str, Metric] = MappingProxyType({metric.key: metric for metric in METRICS})
"""The same by key."""
