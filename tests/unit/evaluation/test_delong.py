"""DeLong's interval and test."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from core.errors import EvaluationError
from core.evaluation.delong import delong_interval, delong_test

films = st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=40).filter(
    lambda drawn: 2 <= sum(film[0] for film in drawn) <= len(drawn) - 2
)


def naive_covariance(labels, *scores):
    """Return AUCs and covariance by DeLong's definition: every pair of images compared."""
    labels = np.asarray(labels, dtype=bool)
    kernels = [
        (s[labels][:, None] > s[~labels][None, :]) + 0.5 * (s[labels][:, None] == s[~labels][None, :])
        for s in map(np.asarray, scores)
    ]
    rows = np.cov([kernel.mean(axis=1) for kernel in kernels]) / labels.sum()
    columns = np.cov([kernel.mean(axis=0) for kernel in kernels]) / (~labels).sum()
    return [kernel.mean() for kernel in kernels], np.atleast_2d(rows + columns)


def test_the_published_example_of_computed_tomography():
    """Hanley and McNeil's 109 ratings (1982) have the area, error and interval that Stata's manual prints for them."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    ratings = np.r_[np.repeat(np.arange(1, 6), normal), np.repeat(np.arange(1, 6), abnormal)]
    found = delong_interval([0] * 58 + [1] * 51, ratings)
    assert (found.auc, found.standard_error) == pytest.approx((0.8932, 0.0307), abs=5e-5)
    assert found.interval == pytest.approx((0.83295, 0.95339), abs=5e-6)


def test_an_example_by_hand():
    """Two normals and two of pneumonia: AUC 3/4, variance 1/8 + 1/8 over two images each."""
    # Wins: 2 beats 1 only, 4 beats 1 and 3. Shares 1/2 and 1 for pneumonia, 1 and 1/2 for normal: variance 1/8 each.
    found = delong_interval([0, 0, 1, 1], [1, 3, 2, 4])
    assert found.auc == 0.75
    assert found.standard_error == pytest.approx(math.sqrt(1 / 8))
    assert found.interval == pytest.approx((0.75 - 1.959963984540054 * math.sqrt(1 / 8), 1.0))


@given(films)
@settings(max_examples=150, deadline=None)
def test_the_fast_form_equals_the_definition(drawn):
    """With ties in plenty, areas, errors, z and p are those of comparing every pair of images, to 1e-9."""
    labels, first, second = (np.array(column) for column in zip(*drawn, strict=True))
    aucs, covariance = naive_covariance(labels, first, second)
    found = delong_test(labels, first, second)
    assert (found.auc_first, found.auc_second) == pytest.approx(aucs, abs=1e-9)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    if variance < 1e-12:
        assert found.z is None
        return
    assert found.standard_error == pytest.approx(math.sqrt(variance), abs=1e-9)
    assert found.z == pytest.approx((aucs[0] - aucs[1]) / math.sqrt(variance), abs=1e-9)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(found.z)), abs=1e-12)
    assert found.interval[0] <= found.difference <= found.interval[1]


@given(films)
@settings(max_examples=60, deadline=None)
def test_swapping_and_stretching_change_nothing_else(drawn):
    """Swapped scores mirror the difference, and a monotone change of scores leaves everything as it was."""
    labels, first, second = (np.array(column) for column in zip(*drawn, strict=True))
    one, other = delong_test(labels, first, second), delong_test(labels, second, first)
    assert (one.difference, one.p_value) == pytest.approx((-other.difference, other.p_value))
    assert delong_test(labels, np.exp(first), second - 3.0) == one


def test_the_area_is_scikit_learns():
    """The AUC is scikit-learn's to 1e-9."""
    rng = np.random.default_rng(0)
    labels = rng.random(500) < 0.4
    scores = np.round(rng.normal(labels * 1.0), 1)
    assert delong_interval(labels, scores).auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)


def test_the_test_keeps_its_level_and_finds_differences():
    """Between equally good scores p falls under 0.05 in about 5 % of studies, between unequal ones nearly always."""
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 75)
    num_studies = 600
    rejected = {"equal": 0, "unequal": 0}
    inside = 0
    for _ in range(num_studies):
        common = rng.normal(size=150) + labels * 1.5
        first, second, worse = (common + rng.normal(size=150) * noise for noise in (0.7, 0.7, 3.0))
        equal = delong_test(labels, first, second)
        rejected["equal"] += equal.p_value < 0.05
        rejected["unequal"] += delong_test(labels, first, worse).p_value < 0.05
        low, high = delong_interval(labels, first).interval
        inside += low <= norm.cdf(1.5 / math.sqrt(2 * (1 + 0.49))) <= high
    # Four standard errors of 0.05 over 600 studies are 0.036.
    assert 0.02 <= rejected["equal"] / num_studies <= 0.086
    assert rejected["unequal"] / num_studies > 0.8
    assert 0.915 <= inside / num_studies <= 0.985


def test_scores_that_rank_alike_do_not_differ():
    """The same order of images is no difference at all: p is 1, and z is not claimed."""
    found = delong_test([0, 1, 0, 1, 1], [1, 2, 3, 4, 5], [10, 20, 30, 40, 50])
    assert (found.difference, found.p_value, found.z, found.interval) == (0.0, 1.0, None, None)


def test_perfect_separation_claims_no_interval():
    """An AUC of 1 has an estimated error of zero, which is not passed on as certainty."""
    found = delong_interval([0, 0, 1, 1], [1, 2, 3, 4])
    assert (found.auc, found.standard_error, found.interval) == (1.0, None, None)


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_one_class_has_no_area(labels):
    """Without both classes nothing is defined, and nothing crashes."""
    scores = list(range(len(labels)))
    assert delong_interval(labels, scores).auc is None
    assert delong_test(labels, scores, scores[::-1]).difference is None


def test_a_single_film_of_a_class_has_an_area_only():
    """One pneumonia image gives an AUC, but no variance."""
    found = delong_test([0, 0, 1], [1, 3, 2], [1, 2, 3])
    assert (found.auc_first, found.auc_second, found.difference) == (0.5, 1.0, -0.5)
    assert (found.standard_error, found.p_value) == (None, None)
    assert delong_interval([0, 0, 1], [1, 3, 2]).interval is None


def test_identical_scores_are_chance_without_an_interval():
    """Scores that are all the same have an AUC of one half and no estimated error."""
    found = delong_interval([0, 1, 0, 1], [0.3] * 4)
    assert (found.auc, found.interval) == (0.5, None)


def test_scores_of_other_films_are_a_sentence():
    """Two sets of scores of different length cannot be paired."""
    with pytest.raises(EvaluationError, match="do not belong together"):
        delong_test([0, 1], [0.1, 0.2], [0.1, 0.2, 0.3])


def test_a_patient_of_each_film_changes_nothing() -> None:
    """Obuchowski's variance with one image a patient is DeLong's but for the covariance of classes, which is nought."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    first, second = rng.normal(size=(2, 60)) + labels
    plain, own = delong_test(labels, first, second), delong_test(labels, first, second, np.arange(60))
    assert own.standard_error == pytest.approx(plain.standard_error)


def test_copies_of_a_patients_films_add_no_certainty() -> None:
    """Each image four times, as four of one patient: DeLong's error halves, the clustered one stays as with one
    each.
    """
    rng = np.random.default_rng(1)
    labels = np.arange(80) % 2
    scores = rng.normal(size=80) + labels
    once = delong_interval(labels, scores).standard_error
    repeated = np.repeat(labels, 4), np.repeat(scores, 4)
    assert delong_interval(*repeated).standard_error == pytest.approx(once / 2, rel=0.03)
    assert delong_interval(*repeated, np.repeat(np.arange(80), 4)).standard_error == pytest.approx(once, rel=1e-6)


def test_one_patient_of_a_class_leaves_the_variance_unknown() -> None:
    """All images of a class may be of one child: then nothing tells how the next child would be read."""
    assert delong_interval([0, 0, 1, 1], [1, 3, 2, 4], ["a", "a", "b", "c"]).interval is None
