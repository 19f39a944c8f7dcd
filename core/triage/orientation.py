"""Does an image stand upright? A network's embedding shows it, though it was never asked.

Shapes: N images, D embedding size.
"""

from dataclasses import dataclass

import numpy as np

MOST_UPRIGHT_STOPPED = 0.001
MOST_TURNED_FILMS = 400
"""So many training images are turned to fit it on."""


@dataclass(frozen=True)
class Orientation:
    """Log-odds, linear in an embedding of unit length, that an image is turned by 90, 180 or 270 degrees."""

    weights_D: np.ndarray
    intercept: float
    threshold: float

    def scores(self, units_ND: np.ndarray) -> np.ndarray:
        """Return `scores_N` of embeddings of unit length; one above the threshold is of a turned image."""
        return units_ND @ self.weights_D + self.intercept

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps of it."""
        return {
            "turned_weights": self.weights_D.astype(np.float32),
            "turned_scalars": np.array([self.intercept, self.threshold], dtype=np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Orientation | None":
        """Return what a checkpoint keeps, None if it was made before there was such a thing."""
        if "turned_weights" not in arrays:
            return None
        intercept, threshold = (float(value) for value in arrays["turned_scalars"])
        return cls(arrays["turned_weights"], intercept, threshold)


def fit_orientation(upright_ND: np.ndarray, turned_ND: np.ndarray, validation_ND: np.ndarray) -> Orientation:
    """Fit a logistic regression on unit embeddings of training images, upright and turned.

    The threshold is even odds, or higher where that would stop more than a thousandth of the upright validation images.
    """
    # Here, since reading images needs no fit, and the import takes a second.
    from sklearn.linear_model import LogisticRegression

    labels_N = np.repeat([0, 1], [len(upright_ND), len(turned_ND)])
    fitted = LogisticRegression(C=100.0, max_iter=2000, class_weight="balanced")
    fitted.fit(np.concatenate([upright_ND, turned_ND]), labels_N)
    found = Orientation(fitted.coef_[0].astype(np.float32), float(np.asarray(fitted.intercept_)[0]), threshold=0.0)
    highest = np.quantile(found.scores(validation_ND), 1 - MOST_UPRIGHT_STOPPED, method="higher")
    return Orientation(found.weights_D, found.intercept, max(0.0, float(highest)))
