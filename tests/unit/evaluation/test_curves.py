"""ROC and precision–recall curves with their bands."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from core.errors import EvaluationError
from core.evaluation.curves import curves_with_bands


def draw(num_films: int, seed: int, gap: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(num_films) < 0.6
    labels[:2] = (True, False)
    return labels.astype(int), 1 / (1 + np.exp(-rng.normal(gap * (labels - 0.5), 1)))


def test_points_agree_with_scikit_learn():
    """Every point of both curves, ties included, is one of scikit-learn's."""
    labels, scores = draw(300, 1)
    scores = np.round(scores, 2)
    curves = curves_with_bands(labels, scores, num_resamples=20)
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    assert np.allclose(curves.roc.x_K, fpr, atol=1e-12) and np.allclose(curves.roc.y_K, tpr, atol=1e-12)
    assert np.allclose(curves.roc.threshold_K[1:], thresholds[1:])
    precision, recall, _ = precision_recall_curve(labels, scores)
    assert np.allclose(curves.precision_recall.x_K, recall[:-1][::-1], atol=1e-12)
    assert np.allclose(curves.precision_recall.y_K, precision[:-1][::-1], atol=1e-12)


def test_the_order_of_the_films_does_not_matter():
    """Shuffled images give the same curves and bands."""
    labels, scores = draw(80, 2)
    patients = np.array([f"p{number // 3}" for number in range(80)])
    shuffle = np.random.default_rng(0).permutation(80)
    one = curves_with_bands(labels, scores, patients, num_resamples=50)
    other = curves_with_bands(labels[shuffle], scores[shuffle], patients[shuffle], num_resamples=50)
    assert np.array_equal(one.roc.low_X, other.roc.low_X)
    assert np.array_equal(one.precision_recall.high_X, other.precision_recall.high_X)


def test_bands_hold_the_curve_and_narrow_with_films():
    """The band runs around the curve, and 1,600 images give a narrower one than 100."""
    widths = []
    for num_films in (100, 1600):
        labels, scores = draw(num_films, 3)
        roc = curves_with_bands(labels, scores, num_resamples=200).roc
        last = np.r_[roc.x_K[1:] > roc.x_K[:-1], True]
        curve = np.interp(roc.grid_X, roc.x_K[last], roc.y_K[last])
        assert ((roc.low_X - 0.02 <= curve) & (curve <= roc.high_X + 0.02)).mean() > 0.97
        widths.append((roc.high_X - roc.low_X).mean())
    assert widths[1] < widths[0] / 2.5


def test_bands_cover_the_true_curve():
    """At a false positive rate of 0.2 the 95 % band holds the true sensitivity in at least 90 of 100 samples."""
    from scipy.stats import norm

    true = norm.cdf(1.5 + norm.ppf(0.2))
    held = []
    for seed in range(150):
        roc = curves_with_bands(*draw(150, seed), num_resamples=200).roc
        held.append(roc.low_X[20] <= true <= roc.high_X[20])
    assert np.mean(held) > 0.9


def test_one_class_is_a_sentence():
    """Images of one class have no curve, and the sentence says so."""
    with pytest.raises(EvaluationError, match="images of both classes"):
        curves_with_bands([1, 1], [0.4, 0.6])


def test_identical_scores_are_one_point():
    """A model that says the same of every image has a curve from corner to corner."""
    roc = curves_with_bands([0, 1, 0, 1], [0.5] * 4, num_resamples=20).roc
    assert roc.x_K.tolist() == [0, 1] and roc.y_K.tolist() == [0, 1]
