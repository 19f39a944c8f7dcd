"""Images in memory, or their features, as training and evaluation draw them.

Shapes: N images, B images of one batch, H and W pixels, D features of an image.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils.data import RandomSampler, Sampler, WeightedRandomSampler

from core.training.augmentation import RANGES, augment
from core.training.config import Balancing, Recipe


class Examples(Protocol):
    """What a loop trains and evaluates on: network inputs with labels, in batches."""

    @property
    def labels_N(self) -> np.ndarray:  # noqa: N802 - a shape suffix
        """Whether each image shows pneumonia, 0 or 1."""
        ...

    def __len__(self) -> int: ...

    def inputs(self, positions_B: np.ndarray, device: torch.device) -> Tensor:
        """Return the network's inputs at the given positions, as they are."""
        ...

    def varied_inputs(
        self, positions_B: np.ndarray, device: torch.device, recipe: Recipe, generator: Generator
    ) -> Tensor:
        """Return the network's inputs at the given positions, varied by a recipe."""
        ...


def labels_at(examples: Examples, positions_B: np.ndarray, device: torch.device) -> Tensor:
    """Return `labels_B` (0 or 1, float) at the given positions."""
    return torch.from_numpy(examples.labels_N[positions_B].astype(np.float32)).to(device)


@dataclass(frozen=True)
class FilmSet:
    """Images of one fold: 8-bit pixels (which may be a memory map), which of its rows belong, and labels."""

    pixels_NHW: np.ndarray
    rows_N: np.ndarray
    labels_N: np.ndarray

    def __len__(self) -> int:
        return len(self.rows_N)

    def batch(self, positions_B: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return `images_BHW` (float in [0, 1]) and `labels_B` (0 or 1) at the given positions of this fold."""
        images = torch.from_numpy(self.pixels_NHW[self.rows_N[positions_B]])
        labels = torch.from_numpy(self.labels_N[positions_B].astype(np.float32))
        return images.to(device).float() / 255, labels.to(device)

    def inputs(self, positions_B: np.ndarray, device: torch.device) -> Tensor:
        """Return `images_B1HW`, channels last."""
        images_BHW, _ = self.batch(positions_B, device)
        return images_BHW.unsqueeze(1).contiguous(memory_format=torch.channels_last)

    def varied_inputs(
        self, positions_B: np.ndarray, device: torch.device, recipe: Recipe, generator: Generator
    ) -> Tensor:
        """Return `images_B1HW`, channels last, varied by a recipe."""
        images_BHW, _ = self.batch(positions_B, device)
        varied_BHW = augment(images_BHW, RANGES[recipe], generator)
        return varied_BHW.unsqueeze(1).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class FeatureSet:
    """What a frozen network makes of the images of one fold, for a head to learn from."""

    features_ND: Tensor
    labels_N: np.ndarray

    def __len__(self) -> int:
        return len(self.features_ND)

    def inputs(self, positions_B: np.ndarray, device: torch.device) -> Tensor:
        """Return `features_BD`."""
        return self.features_ND[torch.from_numpy(positions_B)].to(device)

    def varied_inputs(
        self, positions_B: np.ndarray, device: torch.device, recipe: Recipe, generator: Generator
    ) -> Tensor:
        """Return `features_BD`: they were computed once and cannot be varied."""
        return self.inputs(positions_B, device)


def training_order(films: Examples, balancing: Balancing, generator: Generator) -> Sampler[int]:
    """Return the sampler of one epoch: each image once, or drawn so that both classes come equally often."""
    if balancing is not Balancing.SAMPLER:
        return RandomSampler(range(len(films)), generator=generator)
    counts = np.bincount(films.labels_N.astype(int), minlength=2)
    weights_N = 1.0 / np.maximum(counts, 1)[films.labels_N.astype(int)]
    return WeightedRandomSampler(weights_N.tolist(), num_samples=len(films), generator=generator)


def in_batches(order: Sampler[int], batch_size: int, fewest: int = 2) -> Iterator[np.ndarray]:
    """Yield positions in batches; a last batch of one image, which batch norm cannot take, is left out.

    So is a last one of less than `fewest` images.
    """
    positions = np.fromiter(order, dtype=np.int64)
    for start in range(0, len(positions), batch_size):
        batch = positions[start : start + batch_size]
        if len(batch) >= fewest:
            yield batch


def num_steps(num_films: int, batch_size: int, fewest: int = 2) -> int:
    """Return how many steps one epoch has."""
    full, rest = divmod(num_films, batch_size)
    return full + (rest >= fewest)
