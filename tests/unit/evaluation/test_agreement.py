"""Agreement between raters by hand, at its limits, and against an independent library."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from core.evaluation.agreement import against_reference, agreement, cohen_kappa

LABELS = ("pneumonia", "normal", "unsure")


def test_kappa_by_hand() -> None:
    """Cohen's table of 20, 5, 10, 15 gives 0.4, and the published interval for it."""
    kappa, (low, high) = cohen_kappa(np.array([[20, 5], [10, 15]]))
    assert kappa == pytest.approx(0.4)
    # Standard error 0.1273 by the formula of Fleiss, Cohen and Everitt.
    assert (low, high) == pytest.approx((0.4 - 1.96 * 0.1273, 0.4 + 1.96 * 0.1273), abs=0.005)


def test_only_decided_studies_count_for_kappa() -> None:
    """Studies on which a rater was unsure are in the table and not in kappa."""
    first = ["pneumonia", "pneumonia", "normal", "normal", "unsure"]
    second = ["pneumonia", "normal", "normal", "normal", "normal"]
    found = agreement(first, second, LABELS)
    assert (found.num_studies, found.num_decided) == (5, 4)
    assert found.table[2, 1] == 1
    assert found.kappa == pytest.approx(0.5)


@pytest.mark.parametrize("said", [[], ["normal"], ["normal", "normal"]])
def test_no_kappa_where_there_is_no_choice(said: list[str]) -> None:
    """Where both raters said only one thing, chance explains all and there is no kappa."""
    found = agreement(said, said, LABELS)
    assert found.kappa is None and found.kappa_interval is None


def test_no_kappa_where_one_rater_used_one_category() -> None:
    """12 of 16 studies agree; kappa would be 0.00 whatever the share, so there is none, and 75 % beside it."""
    first = ["pneumonia"] * 16
    second = ["pneumonia"] * 12 + ["normal"] * 4
    found = agreement(first, second, LABELS)
    assert (found.kappa, found.kappa_interval, found.share_agreed) == (None, None, 0.75)
    assert agreement(second, first, LABELS).kappa is None


def test_perfect_agreement_has_no_interval() -> None:
    """Where all agree the counts say nothing of the spread, and no interval of no width is shown."""
    assert cohen_kappa(np.array([[3, 0], [0, 4]])) == (1.0, None)


@given(st.lists(st.tuples(st.sampled_from(LABELS[:2]), st.sampled_from(LABELS[:2])), min_size=2, max_size=60))
def test_kappa_is_that_of_scikit_learn_and_symmetric(pairs) -> None:
    """Kappa agrees with another implementation, does not depend on who is first, and lies in its interval."""
    first, second = zip(*pairs, strict=True)
    found = agreement(first, second, LABELS)
    if found.kappa is None:
        return
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
    assert found.kappa == pytest.approx(agreement(second, first, LABELS).kappa)
    low, high = found.kappa_interval or (found.kappa, found.kappa)
    assert -1 <= low <= found.kappa + 1e-9 and found.kappa - 1e-9 <= high <= 1


def test_sensitivity_by_hand() -> None:
    """Three of four pneumonias flagged and one of two normals not; undecided verdicts do not count."""
    flags = [True, True, True, False, True, False, True]
    said = ["pneumonia", "pneumonia", "pneumonia", "pneumonia", "normal", "normal", "unsure"]
    found = against_reference(flags, said)
    assert (found.num_positive, found.num_negative) == (4, 2)
    assert (found.sensitivity, found.specificity) == (0.75, 0.5)
    # Wilson's interval of 3 in 4.
    assert found.sensitivity_interval == pytest.approx((0.3006, 0.9544), abs=1e-3)


def test_without_a_class_there_is_no_figure() -> None:
    """No verdict of a kind, no figure about it."""
    found = against_reference([True], ["pneumonia"])
    assert found.specificity is None and found.specificity_interval is None
