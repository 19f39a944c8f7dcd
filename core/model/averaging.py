"""One network out of several: the mean of their weights."""

from collections.abc import Sequence

import numpy as np

from core.errors import CheckpointError
from core.language import tr
from core.model.checkpoint import Checkpoint


def mean_weights(checkpoints: Sequence[Checkpoint]) -> dict[str, np.ndarray]:
    """Return the mean of networks' weights, tensor by tensor; whole numbers, which only count, are the first's.

    It makes sense of networks that continued from common weights (Wortsman et al. 2022, "Model soups"). Raises
    CheckpointError if they are not of one kind.
    """
    first = checkpoints[0]
    for other in checkpoints[1:]:
        shapes = [{name: array.shape for name, array in one.weights.items()} for one in (first, other)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                tr(
                    "{run} and {other_run} are networks of different kinds: their weights have no mean.",
                    run=first.card.name,
                    other_run=other.card.name,
                )
            )
    return {
        name: np.mean([one.weights[name] for one in checkpoints], axis=0, dtype=np.float64).astype(array.dtype)
        if np.issubdtype(array.dtype, np.floating)
        else array
        for name, array in first.weights.items()
    }
