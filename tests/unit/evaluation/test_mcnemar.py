"""Tests of two models' errors on the same images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from core.errors import EvaluationError
from core.evaluation.mcnemar import holm_correction, mcnemar_test


def wrong(only_first: int, only_second: int, both: int, neither: int) -> tuple[list[int], list[int]]:
    first = [1] * only_first + [0] * only_second + [1] * both + [0] * neither
    second = [0] * only_first + [1] * only_second + [1] * both + [0] * neither
    return first, second


def test_a_case_worked_by_hand():
    """Of six images that one model alone misreads, all by the second: p is twice one sixty-fourth."""
    found = mcnemar_test(*wrong(0, 6, 3, 11))
    assert (found.num_only_first_wrong, found.num_only_second_wrong, found.num_both_wrong) == (0, 6, 3)
    assert found.p_value == pytest.approx(2 / 64)


@given(*[st.integers(0, 60)] * 4)
def test_it_agrees_with_statsmodels(only_first, only_second, both, neither):
    """The p-value is that of the exact test of statsmodels, for any table."""
    if only_first + only_second + both + neither == 0:
        return
    expected = mcnemar([[neither, only_second], [only_first, both]], exact=True).pvalue
    assert mcnemar_test(*wrong(only_first, only_second, both, neither)).p_value == pytest.approx(expected, abs=1e-9)


def test_equal_errors_are_no_difference():
    """Models that err on the same images have p = 1, and so have those that never err."""
    assert mcnemar_test([1, 0, 1], [1, 0, 1]).p_value == 1
    assert mcnemar_test([0, 0], [0, 0]).p_value == 1


def test_different_films_are_refused():
    """Errors on different numbers of images are no pairs."""
    with pytest.raises(EvaluationError, match="same images"):
        mcnemar_test([1, 0], [1])


@pytest.mark.parametrize("num_tests", [1, 2, 5, 12])
def test_holm_agrees_with_statsmodels(num_tests):
    """Corrected p-values are those of statsmodels, in the order given."""
    p_values = np.random.default_rng(num_tests).random(num_tests) ** 3
    assert np.allclose(holm_correction(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)


def test_holm_leaves_out_what_is_not_known():
    """A p-value that could not be had stays so and does not make the others larger."""
    assert holm_correction([0.01, None, 0.04]) == (0.02, None, 0.04)


def test_films_of_one_patient_count_together():
    """Three images of one patient and one of another: four of four signs agree in 2 of 4 ways, not in 2 of 16."""
    wrong_first, wrong_second = [0, 0, 0, 0], [1, 1, 1, 1]
    assert mcnemar_test(wrong_first, wrong_second).p_value == pytest.approx(2 / 16)
    assert mcnemar_test(wrong_first, wrong_second, ["a", "a", "a", "b"]).p_value == pytest.approx(2 / 4)
    assert mcnemar_test(wrong_first, wrong_second, list("abcd")).p_value == pytest.approx(2 / 16)


def test_one_error_each_way_of_one_patient_cancels():
    """A patient on whom both err once says nothing; the other, with two images, has even odds each way: p = 1."""
    assert mcnemar_test([1, 0, 1, 1], [0, 1, 0, 0], ["a", "a", "b", "b"]).p_value == 1
