"""A run that fails says why, what to do, and keeps the end of its log, whatever is in its way."""

import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from core.errors import DatabaseError, PneumoDeskError
from core.progress import Progress
from core.radiograph.phantom import synthesise_phantom
from core.runs import memory_room, reporting, run_states
from core.runs.queueing import RUNS
from core.runs.reporting import Reporter, RunStopped
from core.services.desk import Desk
from core.services.runs import cost_estimate
from core.services.runs.execution import work_on_run
from core.services.runs.listing import show_run
from core.services.runs.requests import TrainRequest, record_run
from core.services.runs.status import get_detail, get_status, read_steps
from core.training.config import TrainingConfig
from db import models as tables
from db.engine import make_engine
from db.states import State
from tests.hostile_files import encoded
from tests.other_user import NOBODY, as_nobody, needs_root
from tests.small_desk import small_desk

CONFIG = TrainingConfig(
    architecture="mobilenet_v2", weights="none", fine_tuning="frozen", recipe="none", image_size=32, batch_size=64
)
# 100 bytes are needed anyway, and 11 for each image.
TRIAL = {"few": 4, "many": 16, "memory_with_few": 144, "memory_with_many": 276, "num_parameters": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for number in range(40):
        path = folder / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(synthesise_phantom(number, size=64, opacity=bool(number % 2))))
    folder.chmod(0o755)
    return folder


def failing(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> str:
    """Return a run that was carried out until its session raised an error."""

    def run_session(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("core.runs.session.run_session", run_session)
    run_id = record_run(desk, TrainRequest(data=folder, config=CONFIG))
    with pytest.raises(type(error)):
        work_on_run(desk, run_id)
    return run_id


@pytest.mark.parametrize(
    ("free", "words"), [(460, "batch size 32"), (10**9, "batch size 32"), (300, "batch size 16"), (110, "not even two")]
)
@pytest.mark.parametrize(
    "said", ["CUDA out of memory. Tried to allocate 2 GiB", "can't allocate memory: error code 12"]
)
def test_short_memory_names_a_smaller_batch_that_would_fit(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, words: str, said: str
) -> None:
    """32 images need 452 bytes and 16 need 276, as the trial tells; a batch as large as the one that failed never
    is.
    """
    monkeypatch.setattr(cost_estimate, "_try_out", lambda config, many: TRIAL)
    monkeypatch.setattr(cost_estimate, "free_memory", lambda device: free)
    desk = small_desk(tmp_path)
    status = get_status(desk, failing(desk, folder, monkeypatch, RuntimeError(said)))
    assert (status.state, status.failure.kind) == ("failed", "out of memory")
    assert words in status.failure.next_step


def test_a_trial_that_fails_itself_leaves_the_general_advice(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no size can be measured the failure still says to take a smaller batch."""

    def fail(config: TrainingConfig, many: int) -> dict:
        raise PneumoDeskError("The trial failed.")

    monkeypatch.setattr(cost_estimate, "_try_out", fail)
    desk = small_desk(tmp_path)
    status = get_status(desk, failing(desk, folder, monkeypatch, MemoryError()))
    assert "smaller batch size" in status.failure.next_step


def test_the_logs_end_is_kept_with_the_failure_and_outlives_the_folder(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last lines of the log are in the database and in `runs show`, also when the run's folder is gone."""
    desk = small_desk(tmp_path)
    run_id = failing(desk, folder, monkeypatch, ValueError("a strange thing"))
    assert "ValueError: a strange thing" in get_status(desk, run_id).failure.log
    other = record_run(desk, TrainRequest(data=folder, config=CONFIG))
    (get_detail(desk, other).folder / "log.txt").write_text("".join(f"line {number}\n" for number in range(500)))
    with pytest.raises(ValueError, match="strange"):
        work_on_run(desk, other)
    shutil.rmtree(get_detail(desk, other).folder)
    kept = show_run(desk, other)["failure"]["log"].splitlines()
    assert kept[-1] == "line 499" and 10 < len(kept) < 100


@needs_root
def test_a_folder_that_may_not_be_written_is_named(open_folder: Path, folder: Path) -> None:
    """Another user's run folder makes the run fail as not writable, with the file's name; the desk's data stay."""
    for parent in folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    films = open_folder / "films"
    shutil.copytree(folder, films)
    desk = small_desk(open_folder / "home")
    run_id = record_run(desk, TrainRequest(data=films, config=CONFIG))
    for path in (films, *films.rglob("*")):
        path.chmod(0o755)
    for path in (desk.settings.home, desk.settings.home / "desk.lock", *desk.settings.home.glob("*.db*")):
        shutil.chown(path, NOBODY, NOBODY)
    desk.engine.dispose()

    def work() -> str:
        own = small_desk(desk.settings.home, film_roots=str(films))
        try:
            work_on_run(own, run_id)
        except OSError:
            failure = get_status(own, run_id).failure
            return f"{failure.kind}: {failure.explanation} {failure.next_step}"
        return "it was not refused"

    said = as_nobody(work)
    assert said.startswith("folder not writable") and run_id in said and "Let this user write" in said


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that hears after a moment that the database is held."""
    monkeypatch.setitem(make_engine.__kwdefaults__, "busy_timeout_seconds", 0.05)
    monkeypatch.setattr(reporting, "SECONDS_BETWEEN_WORDS", 0.02)


def held(desk: Desk) -> sqlite3.Connection:
    """Another program's connection that holds the database for itself."""
    connection = sqlite3.connect(desk.settings.home / "pneumodesk.db", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_held_database_delays_what_a_run_says_and_loses_nothing(tmp_path: Path, impatient: None) -> None:
    """Steps and epochs noted while another program holds the database are all there when it lets go."""
    desk = small_desk(tmp_path)
    run_id = record_run(desk, TrainRequest(data=tmp_path, config=CONFIG))
    with desk.transaction() as session:
        assert RUNS.claim(session, run_id)
    other = held(desk)
    with pytest.raises(DatabaseError, match="held by another process"), desk.transaction() as session:
        RUNS.claim(session, run_id)
    with Reporter(desk.transaction, run_id) as reporter:
        reporter.tell(Progress("training", 1, 2))
        for step in range(1, 6):
            reporter.add_step(step=step, epoch=1, loss=0.5, learning_rate=0.1, films_per_second=None)
            time.sleep(0.03)
        reporter.add_epoch(1, {"train_loss": 0.5, "validation_auc": None})
        threading.Timer(0.3, other.execute, ["ROLLBACK"]).start()
    assert read_steps(desk, run_id).steps == (1, 2, 3, 4, 5)
    assert get_detail(desk, run_id).epochs == ({"epoch": 1, "train_loss": 0.5, "validation_auc": None},)


def test_a_database_held_at_a_runs_end_does_not_cost_the_run(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    """How a run ended is written when the database is let go, not lost."""
    desk = small_desk(tmp_path)
    run_id = record_run(desk, TrainRequest(data=folder, config=CONFIG))
    others = []

    def run_session(*_arguments: object) -> None:
        others.append(held(desk))
        threading.Timer(0.3, others[0].execute, ["ROLLBACK"]).start()
        raise RunStopped

    monkeypatch.setattr("core.runs.session.run_session", run_session)
    with pytest.raises(RunStopped):
        work_on_run(desk, run_id)
    assert get_status(desk, run_id).state == "stopped"
    with desk.reading() as session:
        assert session.scalar(select(tables.Run.num_attempts)) == 1


def test_a_state_is_kept_only_when_the_steps_before_it_are_written(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps before a state are never taken again: a kill right after it was kept must not cost their numbers."""
    monkeypatch.setattr(reporting, "SECONDS_BETWEEN_WORDS", 1e9)
    desk = small_desk(tmp_path)
    run_id = record_run(desk, TrainRequest(data=folder, config=CONFIG.model_copy(update={"epochs": 3})))
    kept: list[tuple[int, int]] = []

    def write_state(document: dict[str, Any], place: Path) -> None:
        kept.append((document["schedule"]["last_epoch"], read_steps(desk, run_id).last_step))
        really_write(document, place)

    really_write = run_states.write_state
    monkeypatch.setattr(run_states, "write_state", write_state)
    work_on_run(desk, run_id)
    assert len(kept) == 3 and all(num_taken == num_written for num_taken, num_written in kept)


def test_a_containers_limit_bounds_the_memory_that_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a limit of 1,000 bytes of which 600 are in use, 400 are left, of which four fifths may be taken."""
    (tmp_path / "max").write_text("1000\n")
    (tmp_path / "current").write_text("600\n")
    files = ((tmp_path / "max", tmp_path / "current"), (tmp_path / "none", tmp_path / "none"))
    monkeypatch.setattr(memory_room, "CONTAINER_FILES", files)
    assert memory_room.free_memory("cpu") == 320
    (tmp_path / "max").write_text("max\n")
    assert memory_room.container_rooms() == []


@pytest.mark.parametrize("fine_tuning", ["frozen", "full"])
def test_an_epoch_that_was_kept_but_not_yet_told_is_told_when_the_run_goes_on(
    tmp_path: Path, folder: Path, fine_tuning: str
) -> None:
    """Killed between an epoch's state and its row in the database, a resumed run has every epoch with its figures."""
    desk = small_desk(tmp_path)
    config = TrainingConfig.model_validate({**CONFIG.model_dump(), "fine_tuning": fine_tuning, "epochs": 3})
    run_id = record_run(desk, TrainRequest(data=folder, config=config))
    work_on_run(desk, run_id)
    told = get_detail(desk, run_id).epochs
    with desk.transaction() as session:
        session.execute(delete(tables.RunMetric).where(tables.RunMetric.run_id == run_id, tables.RunMetric.epoch > 1))
        session.get_one(tables.Run, run_id).state = State.QUEUED.value
    work_on_run(desk, run_id)
    assert get_detail(desk, run_id).epochs == told and len(told) == 3
