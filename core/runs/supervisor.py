"""Drains the queue of runs: one run at a time on each device, and an end for those that do not stop when asked.

It is started when needed, and it ends when nothing is queued or running. Nothing depends on it alone: runs continue
without it, and of two supervisors that race, each step is one transaction that only one of them can take.
"""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import select

from core.runs.devices import list_devices
from core.runs.executor import Executor, UnreachableError
from core.runs.failures import explain
from core.runs.queueing import RUNS, TakenRun, end, name_worker, next_runs, put_back, take_next
from core.runs.stopping import Press, press_due
from core.runs.work import LIVE_STATES
from core.runs.work_queue import Sessions
from db.clock import database_now
from db.models import Run
from db.states import State

SECONDS_BETWEEN_LOOKS = 0.5
SHORTEST_SECONDS_BETWEEN_GLANCES = 0.02
IDLE_SHARE = 0.02
"""A device may stand idle for this share of the time that its last run took: glances cost the runs computing time."""
SECONDS_TO_LOCK = 2.0


def supervise(
    reading: Sessions,
    transaction: Sessions,
    executor: Executor,
    lock_file: Path,
    step: Callable[[], bool] = lambda: False,
    devices: Sequence[str] | None = None,
) -> None:
    """Carry out what is queued until nothing is queued or running; returns at once while another supervisor does.

    `step` is called before each look: it may queue runs by what others gave, and returns whether it has more to do.
    `devices` are those of this machine unless they are named, or the executor chooses them itself.
    """
    if executor.schedules_devices:
        devices = ()
    elif devices is None:
        devices = list_devices()
    changed_at = time.monotonic()
    while True:
        try:
            with FileLock(lock_file, timeout=SECONDS_TO_LOCK):
                # Both, in this order: what is tended may be begun at once.
                while any([step(), look(reading, transaction, executor, devices)]):
                    if rest(reading, time.monotonic() - changed_at):
                        changed_at = time.monotonic()
        except Timeout:
            return
        # What was queued between the last look and the lock's release found the lock held, and counts on us.
        with reading() as session:
            if not RUNS.live(session):
                return


def rest(reading: Sessions, seconds_unchanged: float) -> bool:
    """Wait until the next look is due, or a run has begun or ended, and return whether one has.

    The longer the same runs have been running, the rarer the glances at them.
    """
    pause = max(SHORTEST_SECONDS_BETWEEN_GLANCES, IDLE_SHARE * seconds_unchanged)
    until = time.monotonic() + SECONDS_BETWEEN_LOOKS
    before = _going_on(reading)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        if _going_on(reading) != before:
            return True
    return False


def _going_on(reading: Sessions) -> set[str]:
    with reading() as session:
        return set(session.scalars(select(Run.id).where(Run.state.in_(LIVE_STATES))))


def look(reading: Sessions, transaction: Sessions, executor: Executor, devices: Sequence[str]) -> bool:
    """Reconcile, start and end what must be; return whether anything is queued or running."""
    with reading() as session:
        runs, now = RUNS.live(session), database_now(session)
        is_due = bool(next_runs(runs, devices) or RUNS.vanished(session, runs, executor.is_alive))
    for run in runs:
        if run.state == State.STOPPING:
            escalate_stop(run, executor, now)
    if is_due:
        with transaction() as session:
            RUNS.reconcile(session, executor.is_alive)
            taken = take_next(session, devices)
        for one in taken:
            begin(one, transaction, executor)
    return bool(runs)


def begin(taken: TakenRun, transaction: Sessions, executor: Executor) -> None:
    """Have the executor begin a run, and write who carries it out."""
    try:
        worker = executor.start(taken.run_id, taken.place, taken.num_devices)
    except UnreachableError as error:
        sys.stderr.write(f"{error} It is tried again.\n")
        with transaction() as session:
            put_back(session, taken)
        return
    except OSError as error:
        with transaction() as session:
            end(session.get_one(Run, taken.run_id), State.FAILED, explain(error))
        return
    with transaction() as session:
        name_worker(session, taken.run_id, worker)


def escalate_stop(run: Run, executor: Executor, now: datetime) -> None:
    """Give a run that was asked to stop time for its step and a checkpoint, then less and less choice."""
    worker, since = RUNS.worker_of(run), run.stop_requested_at
    if worker is None or since is None:
        return
    match press_due(since, now, (run.progress or {}).get("seconds_per_step")):
        case Press.KILL:
            executor.kill(worker)
        case Press.ASK:
            executor.ask_to_end(worker)
