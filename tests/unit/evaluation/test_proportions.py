"""Intervals of shares, of dependent images too, and shares as people read them: nothing is rounded to all or
nothing.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.evaluation.proportions import (
    clustered_interval,
    effective_number,
    kept_inside_0_and_1,
    say_fraction,
    say_interval,
    say_share,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("share", "num_decimals", "said"),
    [
        (0.0, 1, "0.0%"),
        (1.0, 0, "100%"),
        (0.9996, 1, "> 99.9%"),
        (0.9994, 1, "99.9%"),
        (0.0004, 1, "< 0.1%"),
        (0.996, 0, "> 99%"),
        (0.004, 0, "< 1%"),
        (0.9712, 1, "97.1%"),
    ],
)
def test_a_share_that_was_rounded_is_never_all_or_nothing(share: float, num_decimals: int, said: str) -> None:
    """0 and 100 % are said of exactly none and all; what only rounds to them is said to be above or below."""
    assert say_share(share, num_decimals) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.99996, "> 0.9999"), (1.0, "1.0000"), (0.00001, "< 0.0001"), (0.0, "0.0000")]
)
def test_a_fraction_that_was_rounded_is_never_all_or_nothing(value: float, said: str) -> None:
    """1 and 0 are said of exactly all and nothing."""
    assert say_fraction(value, 4) == said
    assert say_interval((0.9, value), 4) == f"0.9000 to {said}"


@given(st.integers(1, 300), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilsons_interval_is_scipys(num_trials: int, share: float, confidence: float) -> None:
    """For whole numbers both ends agree with SciPy's."""
    num_hits = round(share * num_trials)
    expected = binomtest(num_hits, num_trials).proportion_ci(confidence, method="wilson")
    assert wilson_interval(num_hits, num_trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_effective_number_by_hand() -> None:
    """Two images each of four patients, worked out by hand: a design effect of 77/45."""
    # Shares 1, 1, 1/2, 0 of a mean of 5/8: residuals 3/4, 3/4, -1/4, -5/4 square to 11/4 in all; 4/3 of it over 64 is
    # 11/192.
    # Eight independent images would have (5/8)(3/8)/7 = 15/448: a design effect of 11/192 / (15/448) = 77/45.
    hits, patients = [1, 1, 1, 1, 1, 0, 0, 0], np.repeat(np.arange(4), 2)
    assert effective_number(hits, patients) == pytest.approx(8 / (77 / 45))


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_one_film_a_patient_is_wilsons_own_interval(hits: list[bool]) -> None:
    """Where no patient has two images nothing changes, whichever images are hits."""
    assert clustered_interval(hits, np.arange(len(hits))) == wilson_interval(sum(hits), len(hits))


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(2, 5))
def test_copies_of_films_tell_nothing_new(hits: list[bool], num_copies: int) -> None:
    """Images that are all alike within a patient count at most as many as there are patients, by the closed form."""
    num_patients, num_films = len(hits), len(hits) * num_copies
    number = effective_number(np.repeat(hits, num_copies), np.repeat(np.arange(num_patients), num_copies))
    is_mixed = 0 < sum(hits) < num_patients
    expected = num_films * (num_patients - 1) / (num_films - 1) if is_mixed else num_patients
    assert number == pytest.approx(expected) and number <= num_patients


@given(st.floats(0, 1), st.integers(1, 5))
def test_a_column_never_shows_0_or_1_for_what_is_neither(value: float, num_decimals: int) -> None:
    """With the decimals of its column a number from inside stays inside, moved by less than one of the last place."""
    shown = kept_inside_0_and_1(value, num_decimals)
    assert float(f"{shown:.{num_decimals}f}") not in (0, 1) if 0 < value < 1 else shown == value
    assert abs(shown - value) <= 10.0**-num_decimals


def test_an_auc_of_0_99996_is_no_1_0000() -> None:
    """By hand: four decimals show 0.9999; what is exactly 1, or missing, stays."""
    assert [kept_inside_0_and_1(value, 4) for value in (0.99996, 1.0, 0.98765, None)] == [0.9999, 1.0, 0.98765, None]


def test_no_films_have_no_interval() -> None:
    """Of nothing there is no share."""
    assert clustered_interval(np.zeros(0, dtype=bool), np.zeros(0, dtype=int)) is None


def test_the_clustered_interval_covers_where_wilsons_does_not() -> None:
    """Over 1,000 drawn studies of patients with four images that are much alike it holds the truth 9 times in 10."""
    draw = np.random.default_rng(5)
    patients = np.repeat(np.arange(60), 4)
    held = np.zeros(2)
    for _ in range(1000):
        hits = draw.random(240) < np.repeat(draw.beta(0.8 * 1.5, 0.2 * 1.5, 60), 4)
        found = clustered_interval(hits, patients), wilson_interval(int(hits.sum()), 240)
        held += [low <= 0.8 <= high for low, high in found]
    assert held[0] >= 930 and held[1] <= 850
