"""The queue of runs as it stands in the database: who is next, who is lost, who should end."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.runs.devices import ANY_GPU, parts_of, place_for
from core.runs.executor import JOB_VARIABLE, ClusterJob, Worker
from core.runs.failures import Failure, vanished
from core.runs.process_identity import ProcessIdentity, read_boot_id
from core.runs.run_log import LINES_KEPT_WITH_FAILURE, LOG_FILE, read_tail
from core.runs.work import LIVE_STATES
from db.base import num_changed, utc_now
from db.models import ImportedRecord, Run
from db.states import State

UNFINISHED = (State.STOPPED.value, State.LOST.value, State.FAILED.value)
SECONDS_TO_START = 60.0

IsAlive = Callable[[Worker], bool]


@dataclass(frozen=True)
class TakenRun:
    """A run that is to begin: what it asked for, and where and over how many devices it begins."""

    run_id: str
    asked: str
    place: str
    num_devices: int


def worker_of(run: Run) -> Worker | None:
    """Return the process or the cluster's job that carries out a run, as the run's row names it."""
    if run.job is not None:
        return ClusterJob(run.job)
    if run.pid is None or run.process_started is None or run.boot_id is None:
        return None
    return ProcessIdentity(run.pid, run.process_started, run.boot_id)


def live_runs(session: Session) -> Sequence[Run]:
    """Return the runs that wait or are carried out, in the order in which they were queued."""
    return session.scalars(
        select(Run)
        .where(Run.state.in_((State.QUEUED.value, *LIVE_STATES)))
        .order_by(Run.queued_at, Run.created_at, Run.id)
    ).all()


def vanished_runs(runs: Sequence[Run], is_alive: IsAlive) -> list[Run]:
    """Return the runs whose process is gone, or that were handed to a process which never came."""
    return [run for run in runs if run.state != State.QUEUED and not _is_carried_out(run, is_alive)]


def put_right(session: Session, is_alive: IsAlive) -> list[str]:
    """Write `lost` for runs whose process is confirmed gone, queue again what never began; return those lost."""
    lost = []
    for run in vanished_runs(live_runs(session), is_alive):
        if worker_of(run) is None and run.state == State.STARTING:
            run.state = State.QUEUED.value
            continue
        if run.state == State.STOPPING:
            # It was asked to end, and it has ended, if not as it should.
            end(session, run, State.STOPPED)
            continue
        end(session, run, State.LOST, vanished(run.job is not None or run.boot_id == read_boot_id()))
        lost.append(run.id)
    return lost


def next_runs(runs: Sequence[Run], devices: Sequence[str]) -> list[tuple[Run, str]]:
    """Return which of the live runs can begin now, in the order of the queue, and where.

    Every free device gets a run, and without devices every run that waits gets what it asks for: then the executor
    chooses them. One that waits for several GPUs keeps those that are free from the runs behind it: it
    would wait for ever otherwise.
    """
    if not devices:
        return [(run, run.device) for run in runs if run.state == State.QUEUED]
    busy = {part for run in runs if run.state != State.QUEUED for part in parts_of(run.device)}
    chosen = []
    for run in runs:
        if run.state != State.QUEUED:
            continue
        place = place_for(run.device, num_devices_of(run), devices, busy)
        if place is not None:
            busy.update(parts_of(place))
            chosen.append((run, place))
        elif run.device == ANY_GPU:
            busy.update(name for name in devices if name.startswith(ANY_GPU))
    return chosen


def num_devices_of(run: Run) -> int:
    """Return over how many devices a run is to be computed."""
    return int(run.config.get("devices") or 1)


def take_next(session: Session, devices: Sequence[str]) -> list[TakenRun]:
    """Mark the runs that can begin now as starting, each where it can, and return them."""
    taken = []
    for run, place in next_runs(live_runs(session), devices):
        taken.append(TakenRun(run.id, run.device, place, num_devices_of(run)))
        run.state, run.device, run.heartbeat_at = State.STARTING.value, place, utc_now()
        run.pid = run.process_started = run.boot_id = run.job = None
    return taken


def put_back(session: Session, taken: TakenRun) -> None:
    """Let a run that could not begin now wait where it waited."""
    session.execute(
        update(Run)
        .where(Run.id == taken.run_id, Run.state == State.STARTING.value)
        .values(state=State.QUEUED.value, device=taken.asked)
    )


def name_worker(session: Session, run_id: str, worker: Worker) -> None:
    """Write who carries out a run that starts, unless its worker has done so itself."""
    if isinstance(worker, ClusterJob):
        named = {"job": worker.id}
    else:
        named = {"pid": worker.pid, "process_started": worker.started, "boot_id": worker.boot_id}
    session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_((State.STARTING.value, State.STOPPING.value)), Run.pid.is_(None))
        .values(**named, heartbeat_at=utc_now())
    )


def claim_run(session: Session, run_id: str) -> bool:
    """Take a run for this process; of two processes that try, one succeeds."""
    identity = ProcessIdentity.current()
    taken = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_((State.QUEUED.value, State.STARTING.value)))
        .values(
            state=State.RUNNING.value,
            pid=identity.pid,
            process_started=identity.started,
            boot_id=identity.boot_id,
            # Of a cluster's job the process is on some node: the engine tells whether it is alive.
            job=os.environ.get(JOB_VARIABLE),
            heartbeat_at=utc_now(),
            started_at=utc_now(),
            finished_at=None,
            error=None,
            failure=None,
            num_attempts=Run.num_attempts + 1,
        )
    )
    return num_changed(taken) == 1


def ask_to_stop(session: Session, run_id: str) -> bool:
    """Ask a run to stop; what waits is stopped at once, what has ended stays. Returns whether it was either."""
    now = utc_now()
    waiting = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state == State.QUEUED.value)
        .values(state=State.STOPPED.value, finished_at=now, stop_requested=True, stop_requested_at=now)
    )
    live = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_((State.STARTING.value, State.RUNNING.value)))
        .values(stop_requested=True, state=State.STOPPING.value, stop_requested_at=now)
    )
    return bool(num_changed(waiting) or num_changed(live))


def queue_again(session: Session, run_id: str, device: str) -> bool:
    """Let a run that ended unfinished wait at the end of a device's queue; returns whether it was such a run."""
    queued = session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_(UNFINISHED), Run.id.not_in(select(ImportedRecord.run_id)))
        .values(
            state=State.QUEUED.value,
            device=device,
            queued_at=utc_now(),
            finished_at=None,
            stop_requested=False,
            stop_requested_at=None,
            error=None,
            failure=None,
            progress=None,
            pid=None,
            process_started=None,
            boot_id=None,
            job=None,
        )
    )
    return num_changed(queued) == 1


def end(session: Session, run: Run, state: State, failure: Failure | None = None) -> None:
    """Write how a run ended; with a failure, the end of its log, which outlives the run's folder."""
    if failure is not None:
        kept = read_tail(Path(run.folder) / LOG_FILE, LINES_KEPT_WITH_FAILURE)
        failure = replace(failure, log=kept or failure.log)
    run.state, run.finished_at = state.value, utc_now()
    run.error = failure.explanation if failure else None
    run.failure = failure.document() if failure else None


def _is_carried_out(run: Run, is_alive: IsAlive) -> bool:
    worker = worker_of(run)
    if worker is not None:
        return is_alive(worker)
    # Both ways, because the clock may have been set back since.
    since = abs(utc_now() - (run.heartbeat_at or run.created_at))
    return since < timedelta(seconds=SECONDS_TO_START)
