"""A report's figures at another threshold, without doing again what no threshold changes.

Shapes: N films, R resamples.
"""

import numpy as np

from core.evaluation.bootstrap import draw_weights, percentile_interval
from core.evaluation.metrics import ConfusionCounts, EvaluationReport, MetricIntervals, arrange
from core.evaluation.proportions import ratio, wilson_interval
from core.evaluation.ranking import divide
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
    """Return the report of the same films at another threshold; AUC, average precision, Brier and ECE stay as they are.

    Intervals as in `evaluate_probabilities`, from the same draws. Raises EvaluationError for films that do not fit.
    """
    labels, probabilities = check_labels_and_probabilities(labels_N, probabilities_N)
    labels, probabilities, clusters_N = arrange(labels, probabilities, patients_N)
    confusion = ConfusionCounts.count(labels, probabilities, threshold)
    tn, fp, fn, tp = confusion.tn, confusion.fp, confusion.fn, confusion.tp
    found_N = probabilities >= threshold
    columns_N3 = np.stack([labels & found_N, found_N, labels], axis=1).astype(np.float64)
    sums_R3 = np.concatenate(
        [weights_RN @ columns_N3 for weights_RN in draw_weights(clusters_N, num_resamples, seed)]
        if len(labels)
        else [np.zeros((0, 3))]
    )
    hits_R, flags_R, positive_R = sums_R3.T
    return report.model_copy(
        update={
            "threshold": threshold,
            "accuracy": ratio(tp + tn, len(labels)),
            "sensitivity": ratio(tp, tp + fn),
            "specificity": ratio(tn, tn + fp),
            "precision": ratio(tp, tp + fp),
            "f1": ratio(2 * tp, 2 * tp + fp + fn),
            "confusion": confusion,
            "ci": MetricIntervals(
                auc=report.ci.auc,
                average_precision=report.ci.average_precision,
                brier=report.ci.brier,
                accuracy=wilson_interval(tp + tn, len(labels)),
                sensitivity=wilson_interval(tp, tp + fn),
                specificity=wilson_interval(tn, tn + fp),
                precision=_interval(divide(hits_R, flags_R)),
                f1=_interval(divide(2 * hits_R, flags_R + positive_R)),
            ),
        }
    )


def _interval(values_R: np.ndarray) -> tuple[float, float] | None:
    return percentile_interval(values_R, 0.95) if len(values_R) else None
