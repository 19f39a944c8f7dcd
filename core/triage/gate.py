"""The gate: is this picture near enough to the images the model was trained on to be read at all?

Shapes: N pictures, D embedding size, K principal components.
"""

from dataclasses import dataclass, replace

import numpy as np

from core.triage.orientation import Orientation, fit_orientation

NUM_COMPONENTS = 64


@dataclass(frozen=True)
class Gate:
    """Distance of an embedding to the training images: Mahalanobis in the main directions, plus what lies outside them.

    Source: Lee et al. 2018 (Mahalanobis score) with the residual of Wang et al. 2022 (ViM). Embeddings are
    scaled to unit length first, since their length follows the logit.
    """

    mean_D: np.ndarray
    components_KD: np.ndarray
    precision_KK: np.ndarray
    residual_scale: float
    threshold: float
    orientation: Orientation | None = None

    def distances(self, embeddings_ND: np.ndarray) -> np.ndarray:
        """Return `distances_N`, at least 0; about 1 for a typical training image."""
        centred_ND = _unit(embeddings_ND) - self.mean_D
        scores_NK = centred_ND @ self.components_KD.T
        inside_N = ((scores_NK @ self.precision_KK) * scores_NK).sum(1) / len(self.components_KD)
        outside_N = np.maximum((centred_ND**2).sum(1) - (scores_NK**2).sum(1), 0) / self.residual_scale
        return np.sqrt((inside_N + outside_N) / 2)

    def are_turned(self, embeddings_ND: np.ndarray) -> np.ndarray:
        """Return `are_turned_N`, whether each seems to be of an image that does not stand upright.

        False where nothing tells.
        """
        if self.orientation is None:
            return np.zeros(len(embeddings_ND), dtype=bool)
        return self.turned_scores(embeddings_ND) > self.orientation.threshold

    def turned_scores(self, embeddings_ND: np.ndarray) -> np.ndarray:
        """Return `scores_N`, log-odds that each is of a turned image; -inf where nothing tells."""
        if self.orientation is None:
            return np.full(len(embeddings_ND), -np.inf)
        return self.orientation.scores(_unit(embeddings_ND))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps of the gate."""
        return {
            "mean": self.mean_D.astype(np.float32),
            "components": self.components_KD.astype(np.float32),
            "precision": self.precision_KK.astype(np.float32),
            "scalars": np.array([self.residual_scale, self.threshold], dtype=np.float64),
            **(self.orientation.arrays() if self.orientation else {}),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Gate":
        """Return the gate that a checkpoint keeps."""
        scale, threshold = (float(value) for value in arrays["scalars"])
        orientation = Orientation.from_arrays(arrays)
        return cls(arrays["mean"], arrays["components"], arrays["precision"], scale, threshold, orientation)


def fit_gate(
    train_ND: np.ndarray,
    validation_ND: np.ndarray,
    stopped_share: float = 0.003,
    turned_ND: np.ndarray | None = None,
) -> Gate:
    """Fit the gate on training images' embeddings; the threshold stops `stopped_share` of the validation images.

    With embeddings of turned images it recognises these too.
    """
    # Here, since reading images needs a fitted gate alone, and the import takes a second.
    from sklearn.covariance import LedoitWolf
    from sklearn.decomposition import PCA

    unit_ND = _unit(train_ND)
    pca = PCA(n_components=min(NUM_COMPONENTS, *(size - 1 for size in unit_ND.shape)), random_state=0).fit(unit_ND)
    scores_NK = pca.transform(unit_ND)
    residual_N = ((unit_ND - pca.mean_) ** 2).sum(1) - (scores_NK**2).sum(1)
    gate = Gate(
        mean_D=np.asarray(pca.mean_, np.float32),
        components_KD=np.asarray(pca.components_, np.float32),
        precision_KK=np.asarray(LedoitWolf(assume_centered=True).fit(scores_NK).precision_, np.float32),
        residual_scale=float(max(residual_N.mean(), 1e-12)),
        threshold=np.inf,
    )
    threshold = float(np.quantile(gate.distances(validation_ND), 1 - stopped_share, method="higher"))
    orientation = None
    if turned_ND is not None:
        orientation = fit_orientation(unit_ND, _unit(turned_ND), _unit(validation_ND))
    return replace(gate, threshold=threshold, orientation=orientation)


def _unit(embeddings_ND: np.ndarray) -> np.ndarray:
    lengths_N1 = np.linalg.norm(embeddings_ND, axis=1, keepdims=True)
    return embeddings_ND / np.maximum(lengths_N1, 1e-12)
