"""Calibration and its reliability diagram."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration, calibration_curve
from sklearn.linear_model import LogisticRegression

from core.errors import EvaluationError
from core.evaluation.calibration import PlattScaling, fit_platt_scaling, smoothed_targets
from core.evaluation.reliability import expected_calibration_error, reliability_bins

scored = st.lists(st.tuples(st.booleans(), st.floats(-50, 50, allow_nan=False)), min_size=2, max_size=40).filter(
    lambda films: 0 < sum(film[0] for film in films) < len(films)
)


def draw_logits(seed: int, num_films: int = 400):
    """Return labels and overconfident logits: the true log odds times three, shifted by one."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 1.5, num_films)
    return rng.random(num_films) < 1 / (1 + np.exp(-log_odds)), 3 * log_odds + 1


def test_a_scaling_does_what_it_says():
    """Slope 2 and intercept -1 turn a logit of 0.5 into one half, and extreme logits into 0 and 1 without overflow."""
    scaling = PlattScaling(slope=2, intercept=-1)
    assert scaling.apply([0.5, 1e6, -1e6]) == pytest.approx([0.5, 1.0, 0.0])
    assert scaling.apply(0.5 + math.log(3) / 2) == pytest.approx(0.75)


@pytest.mark.parametrize("seed", range(3))
def test_platt_scaling_agrees_with_scikit_learn(seed):
    """Slope and intercept are those of scikit-learn's sigmoid calibration, to its own tolerance."""
    labels, logits = draw_logits(seed)
    ours = fit_platt_scaling(logits, labels)
    theirs = _SigmoidCalibration().fit(logits, labels)
    assert (-ours.slope, -ours.intercept) == pytest.approx((theirs.a_, theirs.b_), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_platt_scaling_is_the_exact_optimum(seed):
    """At the fitted values both derivatives of the likelihood vanish to 1e-9, so that no outside fit can be better."""
    labels, logits = draw_logits(seed)
    fitted = fit_platt_scaling(logits, labels)
    error = fitted.apply(logits) - smoothed_targets(labels)
    assert (error.sum(), error @ logits) == pytest.approx((0, 0), abs=1e-9 * len(logits))


def test_heavy_tails_are_fitted_too():
    """Logits with outliers, on which a full Newton step overshoots, reach the optimum all the same."""
    rng = np.random.default_rng(0)
    num_fitted = 0
    for num_films in rng.integers(20, 200, size=150):
        labels = rng.random(num_films) < rng.uniform(0.05, 0.95)
        if len(set(labels)) < 2:
            continue
        logits = rng.standard_cauchy(num_films) + labels
        fitted = fit_platt_scaling(logits, labels)
        if fitted.slope * logits.std() < 2e-3:
            continue
        num_fitted += 1
        error = fitted.apply(logits) - smoothed_targets(labels)
        assert (error.sum(), error @ logits / logits.std()) == pytest.approx((0, 0), abs=1e-7 * num_films)
    assert num_fitted > 50


def test_platt_scaling_approaches_logistic_regression():
    """With many images the smoothed targets hardly matter, and an unpenalised logistic regression gives the same."""
    labels, logits = draw_logits(1, 20_000)
    fitted = fit_platt_scaling(logits, labels)
    model = LogisticRegression(C=1e12, tol=1e-10).fit(logits[:, None], labels)
    assert (fitted.slope, fitted.intercept) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=2e-3)
    assert (fitted.slope, fitted.intercept) == pytest.approx((1 / 3, -1 / 3), abs=0.03)


def test_smoothed_targets_are_platts():
    """Three of pneumonia and one normal aim at 4/5 and 1/3."""
    assert smoothed_targets(np.array([True, True, True, False])) == pytest.approx([0.8, 0.8, 0.8, 1 / 3])


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_separable_films_stay_finite(factor):
    """Perfectly separated logits of any size get the smoothed targets where one line can reach them, never 0 and 1."""
    labels = np.repeat([False, True], 50)
    two_values = np.repeat([-2.0, 2.0], 50) * factor
    assert fit_platt_scaling(two_values, labels).apply(two_values[[0, -1]]) == pytest.approx(
        [1 / 52, 51 / 52], abs=1e-9
    )
    spread_out = np.r_[np.linspace(-3, -1, 50), np.linspace(1, 3, 50)] * factor
    probabilities = fit_platt_scaling(spread_out, labels).apply(spread_out)
    assert probabilities.mean() == pytest.approx(0.5, abs=1e-9)
    assert 0.001 < probabilities.min() < probabilities.max() < 0.999


def test_identical_logits_give_the_smoothed_share():
    """Logits that say nothing are calibrated to the share of pneumonia."""
    labels = np.array([True] * 30 + [False] * 10)
    probabilities = fit_platt_scaling(np.full(40, 7.0), labels).apply(np.full(40, 7.0))
    assert probabilities == pytest.approx(np.full(40, smoothed_targets(labels).mean()))


def test_a_model_that_ranks_wrongly_keeps_its_order():
    """The slope stays above zero even for a model worse than chance, and the mean probability still fits."""
    labels = np.array([True, True, True, False, False])
    logits = np.array([-2.0, -1.0, -3.0, 2.0, 1.0])
    fitted = fit_platt_scaling(logits, labels)
    assert fitted.slope > 0
    assert fitted.apply(logits).mean() == pytest.approx(smoothed_targets(labels).mean())


def test_one_class_or_infinite_logits_are_a_sentence():
    """Calibration needs both classes and finite logits."""
    with pytest.raises(EvaluationError, match="images of both classes; there are 3 with pneumonia and 0"):
        fit_platt_scaling([0.1, 0.2, 0.3], [1, 1, 1])
    with pytest.raises(EvaluationError, match="not finite"):
        fit_platt_scaling([0.1, float("inf")], [0, 1])


@given(scored)
@settings(max_examples=80, deadline=None)
def test_calibration_keeps_the_order(films):
    """A higher logit never gets a lower probability, whatever the labels say."""
    labels, logits = (np.array(column) for column in zip(*films, strict=True))
    probabilities = fit_platt_scaling(logits, labels).apply(np.sort(logits))
    assert np.isfinite(probabilities).all()
    assert (np.diff(probabilities) >= 0).all()


def test_calibration_error_by_hand():
    """Two images in the bin of 0.1 and one in the last: (|0.2 - 1| + |1 - 1|) / 3."""
    assert expected_calibration_error([0, 1, 1], [0.1, 0.1, 1.0]) == pytest.approx(0.8 / 3)
    assert expected_calibration_error([], []) is None
    assert expected_calibration_error([1, 0], [1.0, 0.0]) == 0


def test_calibration_error_agrees_with_scikit_learns_curve():
    """The weighted gaps of scikit-learn's calibration curve add up to the same figure to 1e-9."""
    rng = np.random.default_rng(3)
    probabilities = rng.random(1000)
    labels = rng.random(1000) < probabilities**2
    share, stated = calibration_curve(labels, probabilities, n_bins=15)
    weights = np.histogram(probabilities, bins=np.linspace(0, 1, 16))[0] / 1000
    expected = np.sum(weights * np.abs(share - stated))
    assert expected_calibration_error(labels, probabilities) == pytest.approx(expected, abs=1e-9)
    bins = reliability_bins(labels, probabilities)
    assert [part.share_positive for part in bins] == pytest.approx(list(share), abs=1e-9)
    assert [part.mean_probability for part in bins] == pytest.approx(list(stated), abs=1e-9)


def test_reliability_bins_cover_everything_once():
    """Edges belong to the bin above, 1 to the last bin, and empty bins say None."""
    bins = reliability_bins([0, 1, 1, 1], [0.0, 0.5, 0.75, 1.0], num_bins=4)
    assert [part.num_films for part in bins] == [1, 0, 1, 2]
    assert [part.num_positive for part in bins] == [0, 0, 1, 2]
    assert (bins[1].mean_probability, bins[1].share_positive, bins[1].share_interval) == (None, None, None)
    assert (bins[3].low, bins[3].high, bins[3].mean_probability) == (0.75, 1.0, 0.875)
    assert bins[0].share_interval == pytest.approx((0, 0.7935), abs=1e-4)
