"""The queue of runs as it is in the database: who is next, and where it begins."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from core.reasons import store
from core.runs.devices import ANY_GPU, parts_of, place_for
from core.runs.executor import JOB_VARIABLE, ClusterJob, Worker
from core.runs.failures import Failure, vanished
from core.runs.process_identity import ProcessIdentity, read_host
from core.runs.run_log import LINES_KEPT_WITH_FAILURE, LOG_FILE, read_tail
from core.runs.work import LIVE_STATES
from core.runs.work_queue import Gone, WorkQueue
from db.base import utc_now
from db.clock import database_now
from db.models import ImportedRecord, Run
from db.states import State


@dataclass(frozen=True)
class TakenRun:
    """A run that is to begin: what it asked for, and where and over how many devices it begins."""

    run_id: str
    asked: str
    place: str
    num_devices: int


class RunQueue(WorkQueue):
    """The queue of runs: they wait for a supervisor, and what carries them out may be a cluster's job."""

    startable = (State.QUEUED.value, State.STARTING.value)
    waits_its_turn = True

    def claim(self, session: Session, key: str, **values: Any) -> bool:
        """Take a run for this process, which may be a cluster's job; of two processes that try, one succeeds."""
        # Of a cluster's job the process is on some node: the engine tells whether it is alive.
        return super().claim(session, key, job=os.environ.get(JOB_VARIABLE), **self.clean_values(), **values)

    def requeue(self, session: Session, key: str, **values: Any) -> bool:
        """Let a run that ended unfinished wait at the end of the queue of the `device` that is given."""
        return super().requeue(session, key, queued_at=utc_now(), progress=None, job=None, **values)

    def live(self, session: Session) -> Sequence[Run]:
        """Return the runs that wait or are carried out, in the order in which they were queued."""
        return session.scalars(
            select(Run)
            .where(Run.state.in_((State.QUEUED.value, *LIVE_STATES)))
            .order_by(Run.queued_at, Run.created_at, Run.id)
        ).all()

    def worker_of(self, row: Run) -> Worker | None:
        """Return the process or the cluster's job that carries out a run, as the run's row names it."""
        return ClusterJob(row.job) if row.job is not None else ProcessIdentity.of_row(row)

    def clean_values(self) -> dict[str, Any]:
        """Return what else is undone when a run has ended or starts again."""
        return {"failure": None}

    def may_be_requeued(self) -> ColumnElement[bool]:
        """Return the condition under which an unfinished run can continue: imported ones have nothing to continue
        with.
        """
        return Run.id.not_in(select(ImportedRecord.run_id))

    def explain_loss(self, row: Run, how: Gone) -> None:
        """Write why a run is lost, in what class of failure that is, and the end of its log."""
        end(row, State.LOST, vanished(how, row.host))


RUNS = RunQueue(Run)


def next_runs(runs: Sequence[Run], devices: Sequence[str]) -> list[tuple[Run, str]]:
    """Return which of the live runs can begin now, in the order of the queue, and where.

    Every free device gets a run, and without devices every run that waits gets what it asks for: then the executor
    chooses them. One that waits for several GPUs keeps those that are free from the runs behind it: it
    would wait for ever otherwise.
    """
    if not devices:
        return [(run, run.device) for run in runs if run.state == State.QUEUED]
    # A device of the same name in another host is another device.
    here = [run for run in runs if run.state != State.QUEUED and run.host in (None, read_host())]
    busy = {part for run in here for part in parts_of(run.device)}
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
    for run, place in next_runs(RUNS.live(session), devices):
        taken.append(TakenRun(run.id, run.device, place, num_devices_of(run)))
        run.state, run.device, run.heartbeat_at = State.STARTING.value, place, database_now(session)
        run.pid = run.process_started = run.boot_id = run.job = None
        # Its devices are those of this host.
        run.host = read_host()
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
    named = {"job": worker.id} if isinstance(worker, ClusterJob) else worker.columns()
    session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_((State.STARTING.value, State.STOPPING.value)), Run.pid.is_(None))
        .values(**named, heartbeat_at=database_now(session))
    )


def end(run: Run, state: State, failure: Failure | None = None) -> None:
    """Write how a run ended; with a failure, the end of its log, which outlives the run's folder."""
    if failure is not None:
        kept = read_tail(Path(run.folder) / LOG_FILE, LINES_KEPT_WITH_FAILURE)
        failure = replace(failure, log=kept or failure.log)
    run.state, run.finished_at = state.value, utc_now()
    run.reasons = store([failure.explanation]) if failure else None
    run.failure = failure.document() if failure else None
