"""Signs of life of work that continues, by which it also hears that it should stop."""

import sys
import threading
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.errors import DatabaseError
from core.runs.work import LIVE_STATES
from core.runs.work_queue import Sessions, WorkQueue
from db.clock import database_now
from db.states import State

SECONDS_BETWEEN_BEATS = 2.0
# While the database does not answer, the pause doubles up to this.
LONGEST_SECONDS_BETWEEN_BEATS = 30.0


class Heartbeat:
    """Writes a heartbeat every two seconds and learns whether the work should stop; outlives database errors.

    Work that was taken for lost during a silence is taken up again, unless another process has been given it
    meanwhile: then it should stop, and `is_held` is False.
    """

    def __init__(self, transaction: Sessions, queue: WorkQueue, key: str) -> None:
        self._transaction = transaction
        self._queue = queue
        self._key = key
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, daemon=True, name=f"heartbeat-{key}")
        self.is_held = True

    @property
    def should_stop(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Note that a stop was asked for by a signal."""
        self._stop.set()

    def beat(self) -> None:
        """Write one heartbeat with what belongs to it, and hear whether the work should stop."""
        with self._transaction() as session:
            self._sign(session)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _pauses(self) -> tuple[float, float]:
        """Return the seconds between two beats, and the most that they become while the database does not answer."""
        return SECONDS_BETWEEN_BEATS, LONGEST_SECONDS_BETWEEN_BEATS

    def _values(self) -> dict[str, Any]:
        """Return what else is written into the row."""
        return {}

    def _beat_on(self) -> None:
        usual, longest = self._pauses()
        pause = usual
        while not self._ended.wait(pause):
            try:
                self.beat()
                pause = usual
            except DatabaseError as error:
                # The work continues meanwhile; a thread that ended here would never hear of a stop.
                pause = min(2 * pause, longest)
                sys.stderr.write(f"{error} The heartbeat is tried again in {pause:.0f} s.\n")

    def _sign(self, session: Session) -> bool:
        """Write the heartbeat; returns whether the work is still this process's."""
        table, held = self._queue.table, self._queue.held(self._key)
        found = session.execute(select(table.state, table.stop_requested).where(held)).one_or_none()
        self.is_held = found is not None
        if found is None:
            self._stop.set()
            sys.stderr.write("Nothing was heard of this process for long, and its work was given to another.\n")
            return False
        values = {"heartbeat_at": database_now(session), **self._values()}
        if found.state == State.LOST:
            values |= {"state": State.RUNNING.value, "finished_at": None, "reasons": None, **self._queue.clean_values()}
        session.execute(update(table).where(held).values(**values))
        if found.stop_requested or found.state not in (*LIVE_STATES, State.LOST.value):
            self._stop.set()
        return True
