"""The catalogue of metrics and what is made from it."""

import numpy as np
import pytest

from core.evaluation.catalogue import METRIC, METRICS, Direction, IntervalKind
from core.evaluation.metrics import (
    IMAGES_ALONE,
    NO_KNOWN_PATIENTS,
    PATIENTS_TOGETHER,
    EffectiveNumbers,
    EvaluationReport,
    MetricIntervals,
    evaluate_probabilities,
    interval_notes,
)
from core.figures.run_curves import intervals_figure

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 0])
SCORES = np.array([0.1, 0.2, 0.6, 0.4, 0.7, 0.8, 0.9, 0.3])


def test_reports_hold_every_metric_and_no_other() -> None:
    """The fields of reports, of their intervals and of effective numbers are those that the catalogue asks for."""
    others = {"n", "num_positive", "num_patients", "threshold", "confusion", "ci", "effective", "engine"}
    assert set(EvaluationReport.model_fields) - others == set(METRIC)
    with_interval = {metric.key for metric in METRICS if metric.interval_kind is not IntervalKind.NONE}
    assert set(MetricIntervals.model_fields) == with_interval
    proportions = {metric.key for metric in METRICS if metric.interval_kind is IntervalKind.WILSON}
    assert set(EffectiveNumbers.model_fields) == proportions


def test_the_schema_says_what_the_catalogue_says() -> None:
    """Anyone who reads the schema of a report finds each metric's name, meaning, direction and range."""
    fields = EvaluationReport.model_json_schema()["properties"]
    for metric in METRICS:
        assert (fields[metric.key]["title"], fields[metric.key]["description"]) == (metric.name, metric.help)
        assert (fields[metric.key]["better"], fields[metric.key]["range"]) == (metric.direction, [0, 1])


def test_the_direction_of_each_metric() -> None:
    """A perfect reader is at the better end of every metric, one that is always wrong at the other."""
    perfect = evaluate_probabilities(LABELS, LABELS, 0.5, num_resamples=0)
    wrong = evaluate_probabilities(LABELS, 1 - LABELS, 0.5, num_resamples=0)
    for metric in METRICS:
        best, worst = getattr(perfect, metric.key), getattr(wrong, metric.key)
        assert best == (metric.high if metric.direction is Direction.HIGHER else metric.low)
        assert worst < best if metric.direction is Direction.HIGHER else worst > best


@pytest.mark.parametrize(
    ("key", "value", "interval", "said"),
    [
        ("auc", 0.98964, (0.98, 0.99999), "0.9896 (0.9800 to > 0.9999)"),
        ("sensitivity", 0.9999, None, "> 0.999"),
        ("specificity", 1.0, (0.8389, 1.0), "1.000 (0.839 to 1.000)"),
        ("f1", None, None, "undefined"),
    ],
)
def test_a_metric_in_words(key, value, interval, said) -> None:
    """Each metric has its decimals everywhere, and nothing is rounded to 1."""
    assert METRIC[key].say(value, interval) == said


def test_what_is_said_beside_intervals() -> None:
    """Reports of patients with several images, of unknown patients and of older versions each have their sentence."""
    alone = evaluate_probabilities(LABELS, SCORES, 0.5, num_resamples=0)
    together = evaluate_probabilities(LABELS, SCORES, 0.5, patients_N=[1, 1, 2, 3, 3, 4, 5, 6], num_resamples=0)
    old = EvaluationReport.model_validate(together.model_dump(exclude={"effective", "engine"}))
    assert interval_notes([together, together]) == (PATIENTS_TOGETHER,)
    assert interval_notes([alone]) == (NO_KNOWN_PATIENTS,)
    assert interval_notes([old, together]) == (IMAGES_ALONE, PATIENTS_TOGETHER)
    assert old.engine == ""


def test_pointing_at_a_figure_says_what_the_page_says() -> None:
    """The text at each point of the figure of intervals is the metric in words."""
    report = evaluate_probabilities(LABELS, SCORES, 0.5, num_resamples=50)
    (points,) = intervals_figure({"run": report}).data
    assert points.hovertemplate == "%{customdata}"
    assert list(points.customdata) == [
        report.say(metric.key) for metric in METRICS if metric.direction is Direction.HIGHER
    ]
