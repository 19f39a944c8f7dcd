"""Work that a process of its own carries out: begun once, watched through the database, found again after any crash."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.errors import DatabaseError
from core.runs.process_identity import ProcessIdentity
from core.settings import PROJECT_ROOT
from db.base import Work, num_changed, utc_now
from db.states import State

LIVE_STATES = (State.STARTING.value, State.RUNNING.value, State.STOPPING.value)
STARTABLE_STATES = (State.QUEUED.value, State.STOPPED.value, State.LOST.value, State.FAILED.value)
SECONDS_BETWEEN_BEATS = 2.0
# While the database does not answer, the pause doubles up to this.
LONGEST_SECONDS_BETWEEN_BEATS = 30.0
SECONDS_TO_START = 60.0

Transaction = Callable[[], AbstractContextManager[Session]]


def launch(arguments: Sequence[str], log: Path, variables: Mapping[str, str] | None = None) -> int:
    """Start a Python module as a process that outlives this one, its tab and its terminal; return its number.

    `variables` are set in its environment beside those of this process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **(variables or {})},
            start_new_session=True,
        )
    # Collected when it ends, so that it is never left as a zombie that seems alive.
    threading.Thread(target=process.wait, daemon=True, name=f"wait-{process.pid}").start()
    return process.pid


def claim(session: Session, table: type[Any], key: str) -> bool:
    """Take a piece of work for this process; of two processes that try, one succeeds."""
    identity = ProcessIdentity.current()
    taken = session.execute(
        update(table)
        .where(table.id == key, table.state.in_(STARTABLE_STATES))
        .values(
            state=State.RUNNING.value,
            pid=identity.pid,
            process_started=identity.started,
            boot_id=identity.boot_id,
            heartbeat_at=utc_now(),
            started_at=utc_now(),
            finished_at=None,
            stop_requested=False,
            error=None,
        )
    )
    return num_changed(taken) == 1


def finish(session: Session, table: type[Any], key: str, state: State, error: str | None = None) -> None:
    """Write how a piece of work ended: the last thing its process does."""
    session.execute(update(table).where(table.id == key).values(state=state.value, error=error, finished_at=utc_now()))


def requeue(session: Session, table: type[Any], key: str) -> bool:
    """Let ended but unfinished work wait for a process again; returns whether it was such work."""
    queued = session.execute(
        update(table)
        .where(table.id == key, table.state.in_((State.STOPPED.value, State.LOST.value, State.FAILED.value)))
        # The heartbeat says since when it waits: it was created long ago.
        .values(state=State.QUEUED.value, heartbeat_at=utc_now(), finished_at=None, stop_requested=False, error=None)
    )
    return num_changed(queued) == 1


def request_stop(session: Session, table: type[Any], key: str) -> None:
    """Ask work to stop; does nothing to work that has ended. What never began is stopped at once."""
    session.execute(
        update(table)
        .where(table.id == key, table.state == State.QUEUED.value)
        .values(state=State.STOPPED.value, finished_at=utc_now())
    )
    session.execute(
        update(table)
        .where(table.id == key, table.state.in_(LIVE_STATES))
        .values(stop_requested=True, state=State.STOPPING.value)
    )


def mark_lost(session: Session, table: type[Any]) -> list[str]:
    """Write `lost` for work whose process is gone, and return which; work of a living process is left alone."""
    waited = utc_now() - timedelta(seconds=SECONDS_TO_START)
    rows: Sequence[Work] = session.scalars(
        select(table).where(table.state.in_((*LIVE_STATES, State.QUEUED.value)))
    ).all()
    lost = []
    for row in rows:
        waits = row.state == State.QUEUED.value
        gone = (row.heartbeat_at or row.created_at) < waited if waits else not _alive(row)
        if gone:
            finish(
                session, table, row.id, State.LOST, "Its process ended without a word. Resume it: nothing read is lost."
            )
            lost.append(row.id)
    return lost


def _alive(row: Work) -> bool:
    if row.pid is None or row.process_started is None or row.boot_id is None:
        return False
    return ProcessIdentity(row.pid, row.process_started, row.boot_id).is_alive()


class Heartbeat:
    """Writes a heartbeat every two seconds and learns whether the work should stop; outlives database errors."""

    def __init__(self, transaction: Transaction, table: type[Any], key: str) -> None:
        self._transaction = transaction
        self._table = table
        self._key = key
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name=f"heartbeat-{key}")

    @property
    def should_stop(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        pause = SECONDS_BETWEEN_BEATS
        while not self._ended.wait(pause):
            try:
                self._beat_once()
                pause = SECONDS_BETWEEN_BEATS
            except DatabaseError as error:
                # The work goes on meanwhile; a thread that ended here would never hear of a stop.
                pause = min(2 * pause, LONGEST_SECONDS_BETWEEN_BEATS)
                sys.stderr.write(f"{error} The heartbeat is tried again in {pause:.0f} s.\n")

    def _beat_once(self) -> None:
        with self._transaction() as session:
            session.execute(update(self._table).where(self._table.id == self._key).values(heartbeat_at=utc_now()))
            if session.scalar(select(self._table.stop_requested).where(self._table.id == self._key)):
                self._stop.set()
