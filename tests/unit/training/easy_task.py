"""A task that a small network learns in a few epochs, on any processor in the same way."""

import numpy as np

from core.model.catalogue import Architecture, WeightsSource
from core.training.config import Precision, Recipe, Selection, TrainingConfig
from core.training.films import FilmSet

TINY = TrainingConfig(
    architecture=Architecture.MOBILENET_V2,
    weights=WeightsSource.NONE,
    recipe=Recipe.NONE,
    epochs=2,
    batch_size=16,
    learning_rate=2e-3,
    image_size=32,
    precision=Precision.FP32,
    selection=Selection.LAST,
    dropout=0.0,
)


def easy_films(count: int, seed: int) -> FilmSet:
    """Images whose left half is brighter where the label is 1."""
    draw = np.random.default_rng(seed)
    labels_N = draw.integers(0, 2, count).astype(np.uint8)
    pixels_NHW = draw.integers(60, 120, (count, 32, 32)).astype(np.uint8)
    pixels_NHW[labels_N == 1, :, :16] += 100
    return FilmSet(pixels_NHW, np.arange(count), labels_N)
