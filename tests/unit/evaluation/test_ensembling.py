"""Several models' probabilities made into one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from core.errors import EvaluationError
from core.evaluation.ensembling import fit_weights, hard_vote, soft_vote

PROBABILITIES_KN = arrays(
    float, st.tuples(st.integers(2, 5), st.just(6)), elements=st.floats(0, 1, allow_nan=False, width=32)
)


def test_soft_voting_is_the_mean_probability() -> None:
    """Members of 0.2 and 0.6 give 0.4; weighted three to one, 0.3."""
    assert expit(soft_vote([[0.2], [0.6]])) == pytest.approx([0.4])
    assert expit(soft_vote([[0.2], [0.6]], [0.75, 0.25])) == pytest.approx([0.3])


def test_hard_voting_counts_members_at_their_own_thresholds() -> None:
    """Two of three members at or above their thresholds give 2.5 of 4; a voice for all stays finite."""
    probabilities_KN = [[0.4, 0.9], [0.5, 0.9], [0.7, 0.9]]
    logits_N = hard_vote(probabilities_KN, [0.5, 0.5, 0.6])
    assert expit(logits_N) == pytest.approx([2.5 / 4, 3.5 / 4])


@given(PROBABILITIES_KN)
def test_a_mean_lies_between_its_members(probabilities_KN: np.ndarray) -> None:
    """The soft vote of an image is never outside the range of its members, and always finite."""
    logits_N = soft_vote(probabilities_KN)
    assert np.isfinite(logits_N).all()
    mean_N = expit(logits_N)
    assert (mean_N >= probabilities_KN.min(axis=0) - 2e-7).all()
    assert (mean_N <= probabilities_KN.max(axis=0) + 2e-7).all()


def test_fitted_weights_are_those_of_the_hand_computed_minimum() -> None:
    """With two images the minimum of the loss has a closed form, at the end of the simplex or inside it."""
    labels_N = [1, 0]
    probabilities_KN = np.array([[0.8, 0.2], [0.4, 0.1]])
    # With w the second member's part, the loss is -log(0.8 - 0.4 w) - log(0.8 + 0.1 w): it only rises with w.
    assert fit_weights(labels_N, probabilities_KN) == pytest.approx([1, 0], abs=1e-6)
    # 0.9 - 0.3 w and 0.5 + 0.4 w: the derivative vanishes where 0.3 (0.5 + 0.4 w) = 0.4 (0.9 - 0.3 w).
    assert fit_weights(labels_N, [[0.9, 0.5], [0.6, 0.1]]) == pytest.approx([0.125, 0.875], abs=1e-4)


@given(PROBABILITIES_KN, st.integers(1, 5))
def test_fitted_weights_never_lose_to_equal_ones(probabilities_KN: np.ndarray, num_positive: int) -> None:
    """Weights lie on the simplex, and their loss on the images that fitted them is at most that of equal weights."""
    labels_N = np.arange(6) < num_positive
    weights_K = fit_weights(labels_N, probabilities_KN)
    assert (weights_K >= 0).all() and weights_K.sum() == pytest.approx(1)
    right_KN = np.clip(np.where(labels_N, probabilities_KN, 1 - probabilities_KN), 1e-7, 1)
    assert -np.log(weights_K @ right_KN).mean() <= -np.log(right_KN.mean(axis=0)).mean() + 1e-4


def test_what_is_no_ensemble_is_refused() -> None:
    """Probabilities out of range, weights that do not sum to 1 and images of one class are refused in a sentence."""
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        soft_vote([[1.2], [0.1]])
    with pytest.raises(EvaluationError, match="sum to 1"):
        soft_vote([[0.2], [0.1]], [0.5, 0.6])
    with pytest.raises(EvaluationError):
        fit_weights([1, 1], [[0.2, 0.3], [0.1, 0.2]])
