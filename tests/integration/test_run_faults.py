"""Runs as real processes: what kills them costs nothing that a resume does not bring back."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from core.model.catalogue import Architecture, WeightsSource
from core.radiograph.phantom import synthesise_phantom
from core.runs.process_identity import ProcessIdentity
from core.services.desk import Desk, open_desk
from core.services.run_control import enqueue, resume
from core.services.run_watch import RunStatus, get_detail, get_status, read_log, read_steps
from core.services.training import TrainRequest
from core.settings import AppSettings
from core.training.config import Recipe, TrainingConfig
from db import models as tables
from tests.hostile_files import encoded

PATIENCE_SECONDS = 180
CONFIG = TrainingConfig(
    architecture=Architecture.MOBILENET_V2,
    weights=WeightsSource.NONE,
    recipe=Recipe.ORIGINAL,
    epochs=3,
    batch_size=2,
    image_size=32,
    precision="fp32",
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for the module; its processes compute on one thread, so that many fit beside one another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield open_desk(AppSettings(home=tmp_path_factory.mktemp("home"), checkpoint_minutes=0.01))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty drawn films of as many patients."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(80):
        label = "PNEUMONIA" if number % 2 else "NORMAL"
        path = folder / label / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(synthesise_phantom(number, size=128, opacity=bool(number % 2))))
    return folder


def wait_for(desk: Desk, run_id: str, holds: Callable[[RunStatus], bool]) -> RunStatus:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds(status := get_status(desk, run_id)):
        assert time.monotonic() < deadline, f"waited too long: {status}\n{read_log(desk, run_id)}"
        time.sleep(0.1)
    return status


def begin(desk: Desk, folder: Path, **changes: object) -> str:
    """Queue a run and wait until it has taken a few steps."""
    run_id = enqueue(desk, TrainRequest(data=folder, config=CONFIG.model_copy(update=changes)))[0]
    wait_for(desk, run_id, lambda status: not status.is_live or read_steps(desk, run_id).last_step > 3)
    return run_id


def worker_of(desk: Desk, run_id: str) -> ProcessIdentity:
    with desk.reading() as session:
        run = session.get_one(tables.Run, run_id)
        return ProcessIdentity(run.pid, run.process_started, run.boot_id)


def weights_of(desk: Desk, run_id: str) -> dict[str, bytes]:
    folder = get_detail(desk, run_id).folder / "checkpoint"
    return {name: array.tobytes() for name, array in load_file(folder / "weights.safetensors").items()}


@pytest.fixture(scope="module")
def whole(desk: Desk, folder: Path) -> str:
    """A run that was never interrupted."""
    run_id = enqueue(desk, TrainRequest(data=folder, config=CONFIG))[0]
    status = wait_for(desk, run_id, lambda status: not status.is_live)
    assert status.state == "completed", read_log(desk, run_id)
    return run_id


def test_a_killed_run_is_lost_and_resumed_ends_in_the_same_weights(desk: Desk, folder: Path, whole: str) -> None:
    """After kill -9 and resume the weights are those of the run that was never interrupted, and no step is missing."""
    run_id = begin(desk, folder)
    os.kill(worker_of(desk, run_id).pid, signal.SIGKILL)
    lost = wait_for(desk, run_id, lambda status: not status.is_live)
    assert lost.state == "lost" and lost.failure.kind == "killed"
    resume(desk, run_id)
    assert wait_for(desk, run_id, lambda status: not status.is_live).state == "completed"
    assert weights_of(desk, run_id) == weights_of(desk, whole)
    assert read_steps(desk, run_id).steps == read_steps(desk, whole).steps
    assert read_steps(desk, run_id).losses == read_steps(desk, whole).losses
