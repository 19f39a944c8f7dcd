"""Several models' probabilities of the same images made into one.

Shapes: K members, N images.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from core.errors import EvaluationError
from core.evaluation.scores import check_labels_and_scores, require_both_classes
from core.language import tr

SMALLEST = 1e-7
"""Probabilities nearer to 0 or 1 than this count as this far off, so that logits and losses stay finite."""


class Voting(StrEnum):
    """How members become one."""

    SOFT = "soft"
    WEIGHTED = "weighted"
    HARD = "hard"


def soft_vote(probabilities_KN: ArrayLike, weights_K: ArrayLike | None = None) -> np.ndarray:
    """Return the logit [N] of the mean probability, weighted where weights are given (they sum to 1)."""
    probabilities = _checked(probabilities_KN)
    weights = np.full(len(probabilities), 1 / len(probabilities)) if weights_K is None else np.asarray(weights_K, float)
    if weights.shape != (len(probabilities),) or (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        raise EvaluationError(tr("The weights of an ensemble are one for each member, none below 0, and sum to 1."))
    return logit(np.clip(weights @ probabilities, SMALLEST, 1 - SMALLEST))


def hard_vote(probabilities_KN: ArrayLike, thresholds_K: ArrayLike) -> np.ndarray:
    """Return the logit [N] of the share of members that flag an image, each at its own threshold.

    Half a vote is added to either side (Krichevsky and Trofimov), so that one voice for all stays finite.
    """
    probabilities = _checked(probabilities_KN)
    thresholds = np.asarray(thresholds_K, float)
    if thresholds.shape != (len(probabilities),):
        raise EvaluationError(tr("Hard voting needs the threshold of each member."))
    votes_N = (probabilities >= thresholds[:, None]).sum(axis=0)
    return logit((votes_N + 0.5) / (len(probabilities) + 1))


def fit_weights(labels_N: ArrayLike, probabilities_KN: ArrayLike) -> np.ndarray:
    """Return the weights [K], none below 0 and 1 in sum, whose mean probability has the lowest log loss.

    The loss is convex in the weights, so SciPy's SLSQP started from equal weights finds its only minimum. Raises
    EvaluationError unless both classes are there.
    """
    # Takes a second to import, which every process of the desk would pay.
    from scipy.optimize import minimize

    probabilities = _checked(probabilities_KN)
    labels, _ = check_labels_and_scores(labels_N, probabilities[0])
    require_both_classes(labels, "Fitting the weights of an ensemble")
    # What each member gives to the class that is the case: the loss of an image is -log of the weighted mean of these.
    right_KN = np.clip(np.where(labels, probabilities, 1 - probabilities), SMALLEST, 1)
    num_members = len(probabilities)

    def loss(weights_K: np.ndarray) -> tuple[float, np.ndarray]:
        mean_N = np.maximum(weights_K @ right_KN, SMALLEST)
        return float(-np.log(mean_N).mean()), -(right_KN / mean_N).mean(axis=1)

    found = minimize(
        loss,
        np.full(num_members, 1 / num_members),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * num_members,
        constraints={"type": "eq", "fun": lambda weights_K: weights_K.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    if not np.isfinite(found.x).all():
        raise EvaluationError(tr("No weights could be fitted for this ensemble: {message}.", message=found.message))
    weights_K = np.where(found.x < 1e-6, 0, found.x)
    return weights_K / weights_K.sum()


def _checked(probabilities_KN: ArrayLike) -> np.ndarray:
    probabilities = np.asarray(probabilities_KN, dtype=np.float64)
    if probabilities.ndim != 2 or not probabilities.size:
        raise EvaluationError(tr("An ensemble needs the probabilities of at least one member for at least one image."))
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1).all()):
        raise EvaluationError(tr("The members of an ensemble give probabilities between 0 and 1."))
    return probabilities
