"""AI heatmap depends on what it learned, and is what its score rests on (sanity checks of the maps)."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.model.classifier import PneumoniaClassifier
from core.model.loading import classifier_from
from core.radiograph.reading import read_radiograph
from core.triage.exported import ExportedClassifier
from core.triage.saliency import EDGE_SHARE_LIMIT, edge_share, positive_share
from tests.box import network_in_the_box

NUM_FILMS = 8
CELLS = 7
CELL_PIXELS = 32


@pytest.fixture(scope="module")
def model() -> Iterator[PneumoniaClassifier]:
    with torch.inference_mode():
        yield classifier_from(network_in_the_box()).eval()


@pytest.fixture(scope="module")
def films_B1HW(real_data: Path) -> torch.Tensor:
    paths = sorted((real_data / "originals" / "PNEUMONIA").glob("*.jpeg"))[::17][:NUM_FILMS]
    squares = [read_radiograph(path, shortest_side=560).to_square(CELLS * CELL_PIXELS) for path in paths]
    return torch.from_numpy(np.stack(squares)[:, None])


def judge(model: PneumoniaClassifier, films_B1HW: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode():
        logits_B, _, maps_Bhw = ExportedClassifier(model)(films_B1HW)
    return logits_B.numpy(), positive_share(maps_Bhw.numpy())


def likeness(maps_Bhw: np.ndarray, others_Bhw: np.ndarray) -> float:
    pairs = zip(maps_Bhw, others_Bhw, strict=True)
    return float(np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs if other.std()] or [0]))


def shuffled(model: PneumoniaClassifier, only_head: bool) -> PneumoniaClassifier:
    """The model with its weights in another order: same values, nothing learned."""
    other = copy.deepcopy(model)
    torch.manual_seed(0)
    for weights in other.head.parameters() if only_head else other.parameters():
        if weights.ndim > 1:
            weights.copy_(weights.flatten()[torch.randperm(weights.numel())].view_as(weights))
    return other


@pytest.mark.parametrize("only_head", [True, False])
def test_a_model_that_learned_nothing_looks_elsewhere(model, films_B1HW, only_head: bool) -> None:
    """With its weights shuffled, the head's alone or all, the maps have little in common with the model's own."""
    _, maps_Bhw = judge(model, films_B1HW)
    with torch.inference_mode():
        other = shuffled(model, only_head)
    _, others_Bhw = judge(other, films_B1HW)
    assert likeness(maps_Bhw, maps_Bhw) == pytest.approx(1)
    assert likeness(maps_Bhw, others_Bhw) < 0.6


def covered(films_B1HW: torch.Tensor, orders_BK: np.ndarray, num_cells: int) -> torch.Tensor:
    """The images with cells of each covered by its mean grey."""
    changed = films_B1HW.clone()
    for film_1HW, order in zip(changed, orders_BK, strict=True):
        grey = float(film_1HW.mean())
        for cell in order[:num_cells]:
            top, left = (CELL_PIXELS * int(place) for place in divmod(cell, CELLS))
            film_1HW[0, top : top + CELL_PIXELS, left : left + CELL_PIXELS] = grey
    return changed


def test_covering_what_is_marked_lowers_the_score_faster_than_covering_at_random(model, films_B1HW) -> None:
    """A fifth of each image covered where the map is strongest costs more score than where chance says."""
    logits_B, maps_Bhw = judge(model, films_B1HW)
    num_cells = CELLS * CELLS // 5
    draw = np.random.default_rng(0)
    by_map_BK = np.argsort(-maps_Bhw.reshape(NUM_FILMS, -1), axis=1)
    by_chance_BK = np.stack([draw.permutation(CELLS * CELLS) for _ in range(NUM_FILMS)])
    drops = [
        logits_B - judge(model, covered(films_B1HW, orders_BK, num_cells))[0] for orders_BK in (by_map_BK, by_chance_BK)
    ]
    assert drops[0].mean() > drops[1].mean() + 0.3
    assert (drops[0] > drops[1]).mean() >= 0.75


def test_the_edge_share_by_hand() -> None:
    """A map in the middle has none of it at the edge, one in a corner all, an even one what the edge covers."""
    maps = np.zeros((3, CELLS, CELLS))
    maps[0, 3, 3], maps[1, 0, 6], maps[2] = 1, 1, 0.5
    shares = [edge_share(map_hw) for map_hw in maps]
    assert shares == pytest.approx([0, 1, 24 / 49])
    assert 24 / 49 < EDGE_SHARE_LIMIT < 1
    assert edge_share(np.zeros((CELLS, CELLS))) == 0
