"""Predictive values at a stated prevalence follow Bayes and carry honest intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import EvaluationError
from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.predictive_values import MeasuredRates, predictive_values


def labels_and_scores(tp: int, fn: int, tn: int, fp: int) -> MeasuredRates | None:
    """The rates of a test with these counts, each image of a patient of its own."""
    labels, scores = [1] * (tp + fn) + [0] * (tn + fp), [0.9] * tp + [0.1] * (fn + tn) + [0.9] * fp
    return MeasuredRates.of([evaluate_probabilities(labels, scores, 0.5, num_resamples=0)])


def test_by_hand() -> None:
    """Sensitivity 0.9 and specificity 0.8 at a prevalence of 0.1 give 0.09/0.27 and 0.72/0.73."""
    found = predictive_values(labels_and_scores(tp=90, fn=10, tn=80, fp=20), 0.1)
    assert found.ppv == pytest.approx(1 / 3)
    assert found.npv == pytest.approx(0.72 / 0.73)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.floats(0.001, 0.999))
def test_the_interval_holds_the_value_and_stays_in_bounds(tp, fn, tn, fp, prevalence) -> None:
    """Whatever the counts, values and bounds lie in order between 0 and 1; without a class there is no answer."""
    rates = labels_and_scores(tp=tp, fn=fn, tn=tn, fp=fp)
    if not tp + fn or not tn + fp:
        assert rates is None
        return
    found = predictive_values(rates, prevalence)
    for value, (low, high) in ((found.ppv, found.ppv_interval), (found.npv, found.npv_interval)):
        assert -1e-12 <= low - 1e-12 <= value <= high + 1e-12 <= 1 + 2e-12


def test_the_interval_covers_the_truth() -> None:
    """Over 400 drawn studies the interval of the PPV holds the true one in at least 95 of 100."""
    draw = np.random.default_rng(0)
    truth = 0.9 * 0.2 / (0.9 * 0.2 + 0.15 * 0.8)
    held = 0
    for _ in range(400):
        tp, tn = draw.binomial(60, 0.9), draw.binomial(80, 0.85)
        low, high = predictive_values(labels_and_scores(tp=tp, fn=60 - tp, tn=tn, fp=80 - tn), 0.2).ppv_interval
        held += low <= truth <= high
    assert held >= 380


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, 1.5])
def test_no_prevalence_no_answer(prevalence: float) -> None:
    """A prevalence that is none is refused in a sentence."""
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        predictive_values(labels_and_scores(tp=1, fn=1, tn=1, fp=1), prevalence)


def test_a_published_example() -> None:
    """Liver scans (Altman and Bland, BMJ 1994;309:102): 0.88 and 0.67 as sampled, 0.45 and 0.95 at a quarter."""
    scans = labels_and_scores(tp=231, fn=27, fp=32, tn=54)
    own, rarer = predictive_values(scans, 258 / 344), predictive_values(scans, 0.25)
    assert own.ppv == pytest.approx(231 / 263, abs=1e-9) and own.npv == pytest.approx(54 / 81, abs=1e-9)
    assert (round(rarer.ppv, 2), round(rarer.npv, 2)) == (0.45, 0.95)


def test_films_of_one_patient_do_not_narrow_the_interval() -> None:
    """Each patient filmed three times, all alike, gives the values and the intervals of filming each once."""
    labels, scores = [1] * 40 + [0] * 40, [0.9] * 36 + [0.1] * 38 + [0.9] * 6
    once = MeasuredRates.of([evaluate_probabilities(labels, scores, 0.5, num_resamples=0)])
    thrice = evaluate_probabilities(labels * 3, scores * 3, 0.5, patients_N=[*range(80)] * 3, num_resamples=0)
    found = predictive_values(MeasuredRates.of([thrice]), 0.2)
    expected = predictive_values(once, 0.2)
    assert (found.ppv, found.npv) == pytest.approx((expected.ppv, expected.npv))
    assert found.ppv_interval == pytest.approx(expected.ppv_interval, abs=0.01)
    assert found.npv_interval == pytest.approx(expected.npv_interval, abs=0.01)
    # A report that does not say how alike the images are counts as many as it has patients.
    old = MeasuredRates.of([thrice.model_copy(update={"effective": None})])
    assert (old.num_positive, old.num_negative, old.num_films) == (40, 40, 240)
