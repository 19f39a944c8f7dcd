"""A reader that waits takes batches at once, only one waits, and nothing is lost when it is gone."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.radiograph.phantom import write_phantom_folder
from core.services.desk import Desk, open_desk
from core.services.triage.batch_reading import TriageRequest, create_batch
from core.services.triage.batches import get_batch, start_batch
from core.services.triage.warm_reader import has_waiting_reader, prepare_reader
from core.settings import get_settings
from db import models as tables
from tests.patience import wait_until
from tests.suspending import suspend_between_writes


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for the module; its processes find it by the variable, and end with the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PNEUMODESK_HOME", str(tmp_path_factory.mktemp("home")))
        get_settings.cache_clear()
        yield open_desk()
        for process in waiting_processes():
            process.kill()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_phantom_folder(folder, 6, seed=1)
    return folder


def waiting_processes() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "core.services.workers.warm_reader" in child.cmdline()
    ]


def pid_of(desk: Desk, batch_id: str) -> int:
    with desk.reading() as session:
        return session.get_one(tables.Batch, batch_id).pid


def test_one_reader_waits_and_takes_one_batch_after_another(desk: Desk, folder: Path) -> None:
    """However often a page asks, one process waits; it reads the batches that come, and stays."""
    for _ in range(5):
        prepare_reader(desk)
    wait_until(lambda: has_waiting_reader(desk))
    assert len(waiting_processes()) == 1
    reader = waiting_processes()[0].pid
    for _ in range(2):
        batch_id = start_batch(desk, TriageRequest(paths=(folder,)))
        wait_until(lambda batch_id=batch_id: get_batch(desk, batch_id).state == "completed")
        assert pid_of(desk, batch_id) == reader
    assert has_waiting_reader(desk)


def test_a_batch_that_cannot_be_read_ends_no_reader(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """A batch whose folder is gone when its turn comes fails in a sentence, and the next one is read."""
    gone = tmp_path / "gone"
    gone.mkdir()
    request = TriageRequest(paths=(gone,))
    reader = waiting_processes()[0]
    suspend_between_writes(reader, desk)
    # Queued without a process of its own, as if the desk had ended at that moment.
    batch_id = create_batch(desk, request)
    gone.rmdir()
    reader.resume()
    wait_until(lambda: get_batch(desk, batch_id).state == "failed")
    assert str(gone) in get_batch(desk, batch_id).error
    after = start_batch(desk, TriageRequest(paths=(folder,)))
    wait_until(lambda: get_batch(desk, after).state == "completed")


def test_a_reader_that_is_killed_is_not_missed(desk: Desk, folder: Path) -> None:
    """After kill -9 of the waiting reader its lock is free, and a batch gets a process of its own."""
    reader = waiting_processes()[0]
    reader.kill()
    wait_until(lambda: not has_waiting_reader(desk))
    batch_id = start_batch(desk, TriageRequest(paths=(folder,)))
    wait_until(lambda: get_batch(desk, batch_id).state == "completed")
    assert pid_of(desk, batch_id) != reader.pid
