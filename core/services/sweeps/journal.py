"""The file in which a search keeps its study: one line for each thing that happened, added under a lock.

Optuna writes and reads it. The lock is the operating system's, so that no killed process leaves it behind.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from core.errors import DatabaseError
from core.language import tr
from core.services.desk import Desk

FOLDER = "sweeps"
PATIENCE_SECONDS = 60


class JournalLock:
    """Holds out other processes, as Optuna asks of a file's lock; who holds it may take it again."""

    def __init__(self, journal: Path) -> None:
        self._lock = FileLock(journal.with_suffix(".lock"), timeout=PATIENCE_SECONDS)

    def acquire(self) -> bool:
        """Wait for the lock and take it; raises TimeoutError when it is held too long."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock over several steps."""
        with self._lock:
            yield


def journal_of(desk: Desk, sweep_id: str) -> Path:
    """Return where the study of a search lies."""
    return desk.settings.home / FOLDER / f"{sweep_id}.jsonl"


def open_journal(journal: Path) -> tuple[JournalStorage, JournalLock]:
    """Open a study's file, making it if it is not there, and return it with its lock.

    Raises DatabaseError if the file is damaged.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalLock(journal)
    with lock.held():
        _drop_torn_end(journal)
        try:
            return JournalStorage(JournalFileBackend(str(journal), lock_obj=cast("Any", lock))), lock
        # What Optuna raises for lines that are none, or that do not follow from those before.
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise DatabaseError(
                tr(
                    "The search's study in {journal} is damaged. Put a backup in its place, or take the file away: "
                    "the search then continues from what its runs reported.",
                    journal=journal,
                )
            ) from error


def _drop_torn_end(journal: Path) -> None:
    """Take away the part of a line that a full disk or a copy in mid-write left: what follows would be lost with it."""
    if not journal.is_file():
        return
    with journal.open("rb+") as stream:
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            stream.truncate(whole)
            os.fsync(stream.fileno())


@contextmanager
def in_words(journal: Path) -> Iterator[None]:
    """Raise DatabaseError in a sentence where the file cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise DatabaseError(
            tr(
                "The search's study in {journal} cannot be read or written ({strerror}). Free some space, or see who "
                "may write there.",
                journal=journal,
                strerror=error.strerror or tr("another process holds it"),
            )
        ) from error
