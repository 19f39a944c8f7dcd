"""A report's figures at another threshold, without doing again what no threshold changes.

Shapes: N images.
"""

import numpy as np

from core.evaluation.catalogue import METRICS, ScoredFilms
from core.evaluation.metrics import (
    ConfusionCounts,
    EvaluationReport,
    MetricIntervals,
    arrange,
    proportion_intervals,
    resampled_intervals,
)
from core.evaluation.scores import check_labels_and_probabilities

NUM_RESAMPLES = 2000


def at_threshold(
    report: EvaluationReport,
    labels_N: np.ndarray,
    probabilities_N: np.ndarray,
    threshold: float,
    patients_N: np.ndarray | None = None,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> EvaluationReport:
    """Return the report of the same images at another threshold; metrics that no threshold moves stay as they are.

    Intervals as in `evaluate_probabilities`, from the same draws. Raises EvaluationError for images that do not fit.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    labels, probabilities, clusters_N = arrange(labels, probabilities, patients_N)
    films = ScoredFilms(labels, probabilities, threshold)
    moving = [metric for metric in METRICS if metric.moves_with_threshold]
    fixed = {metric.key for metric in METRICS} - {metric.key for metric in moving}
    intervals, effective = proportion_intervals(films, clusters_N)
    return report.model_copy(
        update={
            "threshold": threshold,
            **{metric.key: metric.measure(films) for metric in moving},
            "confusion": ConfusionCounts.count(labels, probabilities, threshold),
            "ci": MetricIntervals(
                **{key: found for key, found in report.ci if key in fixed},
                **intervals,
                **resampled_intervals(moving, films, clusters_N, num_resamples, seed),
            ),
            "effective": effective,
        }
    )
