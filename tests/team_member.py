"""One of the processes that fit a tiny network together, begun as torchrun begins them: `CONFIG FOLDER`.

The first process writes losses and weights to `result.pt` in the folder.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from core.training.config import TrainingConfig
from core.training.films import FilmSet
from core.training.loop import FitResult, fit
from core.training.team import ALONE, Team, join, team_asked_for
from tests.tiny_network import tiny_network

CPU = torch.device("cpu")


def films(count: int, seed: int) -> FilmSet:
    draw = np.random.default_rng(seed)
    labels_N = (np.arange(count) % 3 == 0).astype(np.uint8)
    pixels_NHW = draw.integers(0, 200, (count, 32, 32)).astype(np.uint8)
    pixels_NHW[labels_N == 1, :, :16] += 55
    return FilmSet(pixels_NHW, np.arange(count), labels_N)


def fitted(config: TrainingConfig, team: Team = ALONE) -> FitResult:
    """Fit on 43 images: the last batch is a short and uneven one."""
    torch.manual_seed(config.seed)
    return fit(tiny_network(config.dropout), films(43, 0), films(21, 1), config, CPU, team=team)


def main() -> None:
    torch.set_num_threads(1)
    team = team_asked_for()
    join(team, CPU)
    result = fitted(TrainingConfig.model_validate_json(sys.argv[1]), team)
    if team.rank == 0:
        epochs = [epoch.numbers() | {"seconds": 0, "films_per_second": 0} for epoch in result.epochs]
        torch.save({"weights": result.model.state_dict(), "epochs": epochs}, Path(sys.argv[2]) / "result.new")
        (Path(sys.argv[2]) / "result.new").rename(Path(sys.argv[2]) / "result.pt")
