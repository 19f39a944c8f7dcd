"""The one queue by which work is handed to processes: claimed once, asked to stop, found again after any crash.

Each kind of work has a table with the same columns (`db.base.Work`) and a queue on it. Work of this host is evaluated
by its process, work of another host, or of before hosts were recorded, by its heartbeat alone; signs of life are
written and evaluated by the database's clock.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from core.reasons import Reason, store
from core.runs.process_identity import START_TOLERANCE_SECONDS, ProcessIdentity
from core.runs.work import LIVE_STATES, UNFINISHED
from core.work_reasons import WorkLost
from db.base import num_changed, utc_now
from db.clock import database_now
from db.states import State

SECONDS_TO_START = 60.0
"""After this, work that was handed to a process which never came is undone."""
SECONDS_OF_SILENCE = 120.0
"""After this without a heartbeat, work of another host is lost: twice the longest pause between two beats and more,
so that a database that did not answer for a while costs nothing."""
NOBODY = {"pid": None, "process_started": None, "boot_id": None, "host": None}

Sessions = Callable[[], AbstractContextManager[Session]]
IsAlive = Callable[[Any], bool]


class Gone(StrEnum):
    """How it is known that a process is gone; the values are stored."""

    ENDED = "ended"
    REBOOTED = "rebooted"
    SILENT = "silent"
    NEVER_CAME = "never_came"


class WorkQueue:
    """The queue of one kind of work, by its table."""

    # In which states a process may take a piece of work.
    startable: tuple[str, ...] = (State.QUEUED.value, *UNFINISHED)
    # Whether what is queued waits for a supervisor; other kinds are given a process at once.
    waits_its_turn = False

    def __init__(self, table: type[Any]) -> None:
        self.table = table

    def claim(self, session: Session, key: str, **values: Any) -> bool:
        """Take a piece of work for this process; of two processes that try, one succeeds.

        What was asked to stop before its process came is not begun.
        """
        table = self.table
        taken = session.execute(
            update(table)
            .where(table.id == key, table.state.in_(self.startable), table.stop_requested.is_(False))
            .values(
                state=State.RUNNING.value,
                **ProcessIdentity.current().columns(),
                heartbeat_at=database_now(session),
                started_at=utc_now(),
                finished_at=None,
                stop_requested=False,
                stop_requested_at=None,
                reasons=None,
                num_attempts=table.num_attempts + 1,
                **values,
            )
        )
        return num_changed(taken) == 1

    def held(self, key: str) -> ColumnElement[bool]:
        """Return the condition that a piece of work is this process's, and was given to no other meanwhile."""
        return (self.table.id == key) & held_by(self.table, ProcessIdentity.current())

    def finish(self, session: Session, key: str, state: State, why: Reason | None = None) -> bool:
        """Write how a piece of work ended: the last thing its process does.

        Writes nothing, and returns False, where the work was given to another process.
        """
        ended = session.execute(
            update(self.table)
            .where(self.held(key))
            .values(
                state=state.value,
                reasons=None if why is None else store([why]),
                finished_at=utc_now(),
                **self.clean_values(),
            )
        )
        return num_changed(ended) == 1

    def requeue(self, session: Session, key: str, **values: Any) -> bool:
        """Let ended but unfinished work wait for a process again; returns whether it was such work."""
        queued = session.execute(
            update(self.table)
            .where(self.table.id == key, self.table.state.in_(UNFINISHED), self.may_be_requeued())
            .values(
                state=State.QUEUED.value,
                **NOBODY,
                # It says since when it waits: it was created long ago.
                heartbeat_at=database_now(session),
                finished_at=None,
                stop_requested=False,
                stop_requested_at=None,
                reasons=None,
                **self.clean_values(),
                **values,
            )
        )
        return num_changed(queued) == 1

    def request_stop(self, session: Session, key: str) -> bool:
        """Ask work to stop, and return whether it had not ended.

        What never began is stopped at once.
        """
        table, asked = self.table, {"stop_requested": True, "stop_requested_at": database_now(session)}
        waiting = session.execute(
            update(table)
            .where(table.id == key, table.state == State.QUEUED.value)
            .values(state=State.STOPPED.value, finished_at=utc_now(), **asked)
        )
        live = session.execute(
            update(table)
            .where(table.id == key, table.state.in_((State.STARTING.value, State.RUNNING.value)))
            .values(state=State.STOPPING.value, **asked)
        )
        return bool(num_changed(waiting) or num_changed(live))

    def live(self, session: Session) -> Sequence[Any]:
        """Return what waits or is carried out."""
        return session.scalars(select(self.table).where(self.table.state.in_((State.QUEUED.value, *LIVE_STATES)))).all()

    def vanished(self, session: Session, rows: Sequence[Any], is_alive: IsAlive) -> list[tuple[Any, Gone]]:
        """Return which of the live rows nobody carries out any more, each with how that is known."""
        now = database_now(session) if rows else utc_now()
        gone = ((row, self._gone(row, now, is_alive)) for row in rows)
        return [(row, how) for row, how in gone if how is not None]

    def reconcile(self, session: Session, is_alive: IsAlive = ProcessIdentity.is_alive) -> list[str]:
        """Write `lost` for work whose process is gone and return which; work that is carried out is left alone.

        What was asked to stop is stopped, and what was handed to a process that never came waits again where it has a
        queue to wait in.
        """
        lost = []
        for row, how in self.vanished(session, self.live(session), is_alive):
            if how is Gone.NEVER_CAME and self.waits_its_turn:
                row.state = State.QUEUED.value
            elif row.state == State.STOPPING:
                # It was asked to end, and it has ended, if not as it should.
                row.state, row.finished_at = State.STOPPED.value, utc_now()
            else:
                row.state, row.finished_at = State.LOST.value, utc_now()
                self.explain_loss(row, how)
                lost.append(row.id)
        return lost

    def find_lost(
        self, reading: Sessions, transaction: Sessions, is_alive: IsAlive = ProcessIdentity.is_alive
    ) -> list[str]:
        """Reconcile, and take the database's write lock only if there is something to reconcile."""
        with reading() as session:
            if not self.vanished(session, self.live(session), is_alive):
                return []
        with transaction() as session:
            return self.reconcile(session, is_alive)

    def worker_of(self, row: Any) -> Any:
        """Return who carries a row out, None if nobody does yet."""
        return ProcessIdentity.of_row(row)

    def clean_values(self) -> dict[str, Any]:
        """Return what else is undone when work has ended or starts again."""
        return {}

    def may_be_requeued(self) -> ColumnElement[bool]:
        """Return the condition under which unfinished work can continue."""
        return self.table.id.is_not(None)

    def explain_loss(self, row: Any, how: Gone) -> None:
        """Write why work is lost."""
        row.reasons = store([WorkLost(how.value, row.host)])

    def _gone(self, row: Any, now: datetime, is_alive: IsAlive) -> Gone | None:
        if row.state == State.QUEUED and self.waits_its_turn:
            return None
        worker = None if row.state == State.QUEUED else self.worker_of(row)
        # Both ways, because the clock may have been set back since.
        silent = abs(now - (row.heartbeat_at or row.started_at or row.created_at))
        if worker is None:
            return Gone.NEVER_CAME if silent >= timedelta(seconds=SECONDS_TO_START) else None
        if isinstance(worker, ProcessIdentity) and not worker.is_here:
            return Gone.SILENT if silent >= timedelta(seconds=SECONDS_OF_SILENCE) else None
        if is_alive(worker):
            return None
        return Gone.ENDED if _is_of_this_boot(worker) else Gone.REBOOTED


def held_by(table: type[Any], process: ProcessIdentity) -> ColumnElement[bool]:
    """Return the condition that a row of a table names a process."""
    return (
        (table.pid == process.pid)
        & (func.abs(table.process_started - process.started) <= START_TOLERANCE_SECONDS)
        & (table.boot_id == process.boot_id)
        & (table.host == process.host)
    )


def _is_of_this_boot(worker: Any) -> bool:
    return not isinstance(worker, ProcessIdentity) or worker.boot_id == ProcessIdentity.current().boot_id
