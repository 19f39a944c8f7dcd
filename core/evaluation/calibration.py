"""Turns a model's logits into probabilities that mean what they say, without changing their order."""

from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit, logit

from core.evaluation.scores import check_labels_and_scores, require_both_classes
from core.language import mark

# Per standard deviation of the logits. Calibration must keep the order, even if the model ranks no better than chance.
MIN_STANDARDISED_SLOPE = 1e-3
MAX_NEWTON_STEPS = 100


class PlattScaling(BaseModel):
    """P(pneumonia) = 1 / (1 + exp(-(slope * logit + intercept)))."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    slope: float = Field(default=1.0, gt=0, description=mark("Factor on the logit."))
    intercept: float = Field(default=0.0, description=mark("Shift of the scaled logit."))

    def apply(self, logits_N: ArrayLike) -> np.ndarray:
        """Return calibrated probabilities, float64 of the same shape as the logits."""
        return expit(self.slope * np.asarray(logits_N, dtype=np.float64) + self.intercept)


def fit_platt_scaling(logits_N: ArrayLike, labels_N: ArrayLike) -> PlattScaling:
    """Fit slope and intercept by maximum likelihood with Platt's smoothed targets, so that separable images stay
    finite.

    Newton's method with step halving (Platt 1999; Lin, Lin and Weng 2007). The slope is kept above zero. Raises
    EvaluationError unless both classes are there and all logits are finite.
    """
    labels, logits = check_labels_and_scores(labels_N, logits_N)
    require_both_classes(labels, "Fitting a calibration")
    targets_N = smoothed_targets(labels)
    centre, spread = float(logits.mean()), float(logits.std())
    if spread <= 1e-12 * max(1.0, abs(centre)):
        return PlattScaling(slope=1.0, intercept=float(logit(targets_N.mean())) - centre)
    standardised_N = (logits - centre) / spread
    slope, intercept = maximise_likelihood(standardised_N, targets_N)
    if slope < MIN_STANDARDISED_SLOPE:
        slope = MIN_STANDARDISED_SLOPE
        intercept = fit_intercept(slope * standardised_N, targets_N)
    return PlattScaling(slope=slope / spread, intercept=intercept - slope * centre / spread)


def smoothed_targets(labels_N: np.ndarray) -> np.ndarray:
    """Return Platt's targets [N]: the share to expect of one more image of the class, never quite 0 or 1."""
    num_positive = int(labels_N.sum())
    num_negative = len(labels_N) - num_positive
    return np.where(labels_N, (num_positive + 1) / (num_positive + 2), 1 / (num_negative + 2))


def negative_log_likelihood(scaled_N: np.ndarray, targets_N: np.ndarray) -> float:
    """Return the cross-entropy of scaled logits against soft targets, in nats, summed."""
    return float(np.sum(np.logaddexp(0, scaled_N) - targets_N * scaled_N))


def maximise_likelihood(logits_N: np.ndarray, targets_N: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the best fit to standardised logits."""
    design_N2 = np.stack([logits_N, np.ones_like(logits_N)], axis=1)
    coefficients = np.array([0.0, logit(targets_N.mean())])
    loss = negative_log_likelihood(design_N2 @ coefficients, targets_N)
    for _ in range(MAX_NEWTON_STEPS):
        probabilities_N = expit(design_N2 @ coefficients)
        gradient = design_N2.T @ (probabilities_N - targets_N)
        curvature_N = probabilities_N * (1 - probabilities_N)
        hessian = design_N2.T @ (design_N2 * curvature_N[:, None]) + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while scale > 1e-10:
            candidate = coefficients - scale * step
            candidate_loss = negative_log_likelihood(design_N2 @ candidate, targets_N)
            if candidate_loss <= loss:
                break
            scale /= 2
        else:
            break
        coefficients, loss = candidate, candidate_loss
        if np.abs(step).max() < 1e-12:
            break
    return float(coefficients[0]), float(coefficients[1])


def fit_intercept(scaled_N: np.ndarray, targets_N: np.ndarray) -> float:
    """Return the shift at which the mean probability equals the mean target."""
    from scipy.optimize import brentq  # Here: half a second that reading images can do without.

    reach = float(np.abs(scaled_N).max()) + abs(float(logit(targets_N.mean()))) + 1
    return cast(
        "float", brentq(lambda shift: float((expit(scaled_N + shift) - targets_N).sum()), -reach, reach, xtol=1e-13)
    )
