"""A desk of its own for the tests of a module, and a small dataset of synthetic images."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.services.desk import Desk, open_desk
from core.settings import get_settings
from tests.conftest import ROOT
from tests.fork_server import ForkServer


class CommandLine:
    """Runs `python -m core` in a process of its own, from another working directory."""

    def __init__(self, home: Path, working_directory: Path) -> None:
        self.home = home
        self.working_directory = working_directory

    def __call__(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "core", *map(str, arguments)],
            cwd=self.working_directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PNEUMODESK_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def json(self, *arguments: str | Path) -> Any:
        """Run a command that must succeed and print one JSON document and nothing else."""
        result = self(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for the module, so that the model is converted once; its worker processes find it by the variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PNEUMODESK_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PNEUMODESK_FILM_ROOTS", str(tmp_path_factory.getbasetemp()))
        get_settings.cache_clear()
        yield open_desk()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("elsewhere"))


def write_films(folder: Path, count: int, brightness: int, first: int, seed: int) -> None:
    """Write images of a smooth ramp; brighter ones stand for pneumonia, so that a small network can learn it."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    ramp_HW = np.tile(np.linspace(0, 90, 96), (96, 1))
    for number in range(first, first + count):
        film_HW = ramp_HW + brightness + draw.normal(0, 4, (96, 96))
        name = f"person{number}_bacteria_1.jpeg" if brightness > 60 else f"IM-{number:04}-0001.jpeg"
        Image.fromarray(film_HW.clip(0, 255).astype(np.uint8)).save(folder / name, quality=95)


@pytest.fixture(scope="module")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty training and ten test images of two kinds, in the standard layout."""
    root = tmp_path_factory.mktemp("cohort")
    write_films(root / "train" / "NORMAL", 24, 30, 1, 0)
    write_films(root / "train" / "PNEUMONIA", 24, 120, 1, 1)
    write_films(root / "test" / "NORMAL", 5, 30, 100, 2)
    write_films(root / "test" / "PNEUMONIA", 5, 120, 100, 3)
    return root


@pytest.fixture(scope="module")
def trained_run(command_line: CommandLine, small_cohort: Path) -> dict[str, Any]:
    """A finished run on the small dataset."""
    return command_line.json("train", "--data", small_cohort, *TINY_TRAINING)


TINY_TRAINING = (
    *("--architecture", "efficientnet_lite0", "--recipe", "none", "--image-size", "64"),
    *("--epochs", "10", "--batch-size", "8", "--learning-rate", "0.002", "--validation-fraction", "0.2"),
    *("--calibration-fraction", "0.2", "--name", "tiny", "--seed", "3"),
)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """What begins the module's processes, all of them real."""
    server = ForkServer(tmp_path_factory.mktemp("forks"))
    with pytest.MonkeyPatch.context() as patch:
        server.stand_in(patch)
        yield server
    server.close()
