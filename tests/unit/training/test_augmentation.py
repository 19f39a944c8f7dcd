"""Varied images stay images, are reproducible, and vary as far as they are told to."""

import pytest
import torch
from torch import Generator

from core.training.augmentation import RANGES, AugmentationRanges, augment
from core.training.config import Recipe


def films(count: int = 6, size: int = 48) -> torch.Tensor:
    return torch.rand(count, size, size, generator=Generator().manual_seed(5))


def test_the_recipe_none_changes_nothing() -> None:
    """Without variation an image comes back as it was."""
    assert torch.allclose(augment(films(), RANGES[Recipe.NONE], Generator().manual_seed(0)), films(), atol=1e-5)


def test_a_certain_flip_mirrors_left_and_right() -> None:
    """A flip in every image is the mirror image, and nothing else."""
    flipped = augment(films(), AugmentationRanges(flip=1.0), Generator().manual_seed(0))
    assert torch.allclose(flipped, films().flip(-1), atol=1e-5)


@pytest.mark.parametrize("recipe", list(Recipe))
def test_films_stay_within_their_range(recipe: Recipe) -> None:
    """Every recipe returns images of the same shape with grey values from 0 to 1."""
    varied = augment(films(), RANGES[recipe], Generator().manual_seed(1))
    assert varied.shape == films().shape
    assert varied.min() >= 0 and varied.max() <= 1 and torch.isfinite(varied).all()


@pytest.mark.parametrize("recipe", [Recipe.ORIGINAL, Recipe.STRONG])
def test_the_same_generator_gives_the_same_films(recipe: Recipe) -> None:
    """A seed decides every draw, and another seed draws otherwise."""
    first = augment(films(), RANGES[recipe], Generator().manual_seed(3))
    again = augment(films(), RANGES[recipe], Generator().manual_seed(3))
    other = augment(films(), RANGES[recipe], Generator().manual_seed(4))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_crop_shows_a_part_of_the_film() -> None:
    """A crop of a quarter of the area magnifies: a left-to-right ramp then spans half its range."""
    ramp = torch.linspace(0, 1, 64).expand(8, 64, 64)
    cropped = augment(ramp, AugmentationRanges(flip=0, crop_scale=(0.25, 0.25)), Generator().manual_seed(2))
    spans = cropped[:, 32].amax(-1) - cropped[:, 32].amin(-1)
    assert torch.allclose(spans, torch.full((8,), 0.5), atol=0.02)


def test_rotation_turns_by_no_more_than_its_limit() -> None:
    """A vertical line turned by at most ten degrees leans by at most tan(10°) of its height."""
    film = torch.zeros(32, 65, 65)
    film[:, :, 32] = 1.0
    turned = augment(film, AugmentationRanges(flip=0, rotation=10.0), Generator().manual_seed(0))
    offset = (turned[:, 12].argmax(-1) - turned[:, 52].argmax(-1)).abs()
    assert offset.max() <= 8 and offset.max() >= 3


def test_jpeg_changes_little_but_something() -> None:
    """Re-encoding as JPEG leaves a smooth image nearly the same."""
    smooth = torch.linspace(0, 1, 64).expand(16, 64, 64)
    encoded = augment(smooth, AugmentationRanges(flip=0, jpeg=1.0), Generator().manual_seed(0))
    difference = (encoded - smooth).abs()
    assert 0 < difference.mean() < 0.02
