"""Runs as real processes: what kills them costs nothing that a resume does not bring back."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from safetensors.numpy import load_file

from core.model.catalogue import Architecture, WeightsSource
from core.radiograph.phantom import synthesise_phantom
from core.runs.process_identity import ProcessIdentity
from core.runs.run_states import LAST, PREVIOUS, newest_state
from core.runs.session import STATES
from core.services.desk import Desk, open_desk
from core.services.runs.control import enqueue, kill, resume, stop
from core.services.runs.requests import TrainRequest
from core.services.runs.status import RunStatus, get_detail, get_status, list_watched, read_log, read_steps
from core.services.runs.supervision import LOCK_FILE, variables_of
from core.settings import AppSettings
from core.training.config import FineTuning, Recipe, TrainingConfig
from db import models as tables
from tests.fork_server import ForkServer
from tests.hostile_files import encoded
from tests.no_workers import let_nobody_work
from tests.patience import PATIENCE_SECONDS
from tests.suspending import suspend_between_writes

CONFIG = TrainingConfig(
    architecture=Architecture.MOBILENET_V2,
    weights=WeightsSource.NONE,
    recipe=Recipe.ORIGINAL,
    epochs=3,
    batch_size=2,
    image_size=32,
    precision="fp32",
)
# Only a head learns: hundreds of steps a second, and states of a few kilobytes.
QUICK = CONFIG.model_copy(update={"fine_tuning": FineTuning.FROZEN, "recipe": Recipe.NONE, "epochs": 2})


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, forks: ForkServer) -> Iterator[Desk]:
    """One desk for the module; its runs keep their state more than once a second, and none outlives the tests."""
    desk = open_desk(AppSettings(home=tmp_path_factory.mktemp("home"), checkpoint_minutes=0.01))
    yield desk
    for run in list_watched(desk):
        if run.is_live:
            kill(desk, run.id)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty synthetic images of as many patients."""
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
        time.sleep(0.05)
    return status


def end_of(desk: Desk, run_id: str) -> RunStatus:
    return wait_for(desk, run_id, lambda status: not status.is_live)


def states_of(desk: Desk, run_id: str) -> Path:
    return get_detail(desk, run_id).folder / STATES


def begin(desk: Desk, folder: Path, config: TrainingConfig = CONFIG) -> str:
    """Queue a run and wait until it has taken a few steps."""
    run_id = enqueue(desk, TrainRequest(data=folder, config=config))[0]
    wait_for(desk, run_id, lambda status: not status.is_live or read_steps(desk, run_id).last_step > 3)
    return run_id


def worker_of(desk: Desk, run_id: str) -> ProcessIdentity:
    with desk.reading() as session:
        run = session.get_one(tables.Run, run_id)
        return ProcessIdentity.of_row(run)


def supervisor_of(desk: Desk) -> ProcessIdentity:
    """The process that holds the supervisor's lock, as the system knows it."""
    lock = (desk.settings.runs / LOCK_FILE).stat()
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return ProcessIdentity.of(next(int(words[4]) for words in held if words[5].endswith(f":{lock.st_ino}")))


def is_gone(process: ProcessIdentity) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not process.is_alive()


def weights_of(desk: Desk, run_id: str) -> dict[str, bytes]:
    folder = get_detail(desk, run_id).folder / "checkpoint"
    return {name: array.tobytes() for name, array in load_file(folder / "weights.safetensors").items()}


@pytest.fixture(scope="module")
def whole(desk: Desk, folder: Path) -> str:
    """A run that was never interrupted."""
    run_id = enqueue(desk, TrainRequest(data=folder, config=CONFIG))[0]
    assert end_of(desk, run_id).state == "completed", read_log(desk, run_id)
    return run_id


def test_killed_with_its_supervisor_and_its_last_checkpoint_damaged_it_ends_in_the_same_weights(
    desk: Desk, folder: Path, whole: str
) -> None:
    """After kill -9 of both and a damaged last state, a resume gives the weights and steps of the unbroken run."""
    run_id = begin(desk, folder)
    wait_for(desk, run_id, lambda status: (states_of(desk, run_id) / PREVIOUS).exists() or not status.is_live)
    waiting = enqueue(desk, TrainRequest(data=folder, config=QUICK))[0]
    worker, supervisor = worker_of(desk, run_id), supervisor_of(desk)
    os.kill(supervisor.pid, signal.SIGKILL)
    os.kill(worker.pid, signal.SIGKILL)
    assert is_gone(worker) and is_gone(supervisor)
    lost = end_of(desk, run_id)
    assert lost.state == "lost" and lost.failure.kind == "killed"
    last = states_of(desk, run_id) / LAST
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    resume(desk, run_id)
    # What waited was begun by the look that found the run lost: nobody had to start a supervisor.
    assert end_of(desk, waiting).state == "completed", read_log(desk, waiting)
    assert end_of(desk, run_id).state == "completed", read_log(desk, run_id)
    assert "is damaged and was left out" in read_log(desk, run_id)
    assert weights_of(desk, run_id) == weights_of(desk, whole)
    assert read_steps(desk, run_id).steps == read_steps(desk, whole).steps
    assert read_steps(desk, run_id).losses == read_steps(desk, whole).losses


def test_without_its_supervisor_a_run_goes_on_and_begins_the_next(desk: Desk, folder: Path) -> None:
    """Of a killed supervisor the worker does not hear; when it ends it sees to it that what waits is carried out."""
    run_id = begin(desk, folder, QUICK.model_copy(update={"epochs": 30}))
    waiting = enqueue(desk, TrainRequest(data=folder, config=QUICK))[0]
    os.kill(supervisor_of(desk).pid, signal.SIGKILL)
    assert end_of(desk, run_id).state == "completed", read_log(desk, run_id)
    assert end_of(desk, waiting).state == "completed", read_log(desk, waiting)
    assert get_status(desk, run_id).num_attempts == 1


def test_a_stop_is_heard_and_leaves_a_state_of_the_very_step_it_ended_at(desk: Desk, folder: Path) -> None:
    """Stopping at once, then stopped by itself: a run that was killed at its bound would have lost its last steps."""
    run_id = begin(desk, folder, CONFIG.model_copy(update={"epochs": 200}))
    stop(desk, run_id)
    assert get_status(desk, run_id).state == "stopping"
    ended = end_of(desk, run_id)
    assert ended.state == "stopped", read_log(desk, run_id)
    state = newest_state(states_of(desk, run_id))
    assert state is not None
    taken = read_steps(desk, run_id).last_step
    assert state["epoch"] * 32 + state["step"] == taken


def test_a_run_outlives_the_app_that_queued_it(desk: Desk, folder: Path, forks: ForkServer) -> None:
    """Killed with -9 right after it queued a run, the app is not missed."""
    asked = TrainRequest(data=folder, name="of a killed app", config=QUICK).model_dump_json()
    app = forks.launch(["tests.queueing_app", asked], desk.settings.home / "app.txt", variables_of(desk))
    said = desk.settings.home / "app.txt"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "queued" not in (said.read_text() if said.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(app, signal.SIGKILL)
    run_id = said.read_text().split()[-1]
    assert end_of(desk, run_id).state == "completed", read_log(desk, run_id)


def test_a_cohort_deleted_mid_run_is_missed_only_by_a_resume(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """Images were decoded once, so the run continues; stopped and resumed it says what is gone; put back, it
    completes.
    """
    copy = tmp_path / "films"
    shutil.copytree(folder, copy)
    run_id = begin(desk, copy, CONFIG.model_copy(update={"epochs": 8}))
    copy.rename(tmp_path / "moved")
    before = read_steps(desk, run_id).last_step
    wait_for(desk, run_id, lambda status: not status.is_live or read_steps(desk, run_id).last_step > before)
    # Held while it is asked to stop, so that it cannot end before it hears.
    worker = psutil.Process(worker_of(desk, run_id).pid)
    suspend_between_writes(worker, desk)
    stop(desk, run_id)
    worker.resume()
    assert end_of(desk, run_id).state == "stopped", read_log(desk, run_id)
    resume(desk, run_id)
    failed = end_of(desk, run_id)
    assert (failed.state, failed.failure.kind) == ("failed", "data gone")
    assert str(copy) in failed.failure.explanation and "Put the folder" in failed.failure.next_step
    (tmp_path / "moved").rename(copy)
    # Meanwhile the program was changed: a choice that is not known any more is left out, a missing one has its default.
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.config = {"old_choice": 3} | {name: value for name, value in run.config.items() if name != "workers"}
    resume(desk, run_id)
    assert end_of(desk, run_id).state == "completed", read_log(desk, run_id)
    assert "left out: old_choice" in read_log(desk, run_id)


def test_two_supervisors_that_race_begin_each_run_once(tmp_path: Path, forks: ForkServer) -> None:
    """Four supervisors started at one moment carry out every run, and none twice."""
    desk = open_desk(AppSettings(home=tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        let_nobody_work(patch)
        runs = enqueue(desk, TrainRequest(data=tmp_path, config=TrainingConfig(epochs=1)), seeds=range(5))
    log = tmp_path / "log.txt"
    racing = [
        ProcessIdentity.of(forks.launch(["tests.trivial_runs", "supervise"], log, variables_of(desk))) for _ in range(4)
    ]
    for run_id in runs:
        wait_for(desk, run_id, lambda status: not status.is_live)
    began = [line.split()[0] for line in (tmp_path / "began.txt").read_text().splitlines()]
    assert sorted(began) == sorted(runs), log.read_text()
    assert all(is_gone(supervisor) for supervisor in racing)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for one state of the network and not for two."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_said_and_with_room_the_run_goes_on(small_disk: Path, folder: Path, forks: ForkServer) -> None:
    """The state that fits stays whole, the failure says what to do, and a resume on a larger disk completes."""
    desk = open_desk(AppSettings(home=small_disk, checkpoint_minutes=0.01))
    run_id = enqueue(desk, TrainRequest(data=folder, config=CONFIG.model_copy(update={"epochs": 1})))[0]
    failed = end_of(desk, run_id)
    assert (failed.state, failed.failure.kind) == ("failed", "disk full"), read_log(desk, run_id)
    assert "Free some space" in failed.failure.next_step
    assert [path.name for path in states_of(desk, run_id).iterdir()] == [LAST]
    assert newest_state(states_of(desk, run_id)) is not None
    subprocess.run(["mount", "-o", "remount,size=400m", small_disk], check=True)
    resume(desk, run_id)
    assert end_of(desk, run_id).state == "completed", read_log(desk, run_id)
