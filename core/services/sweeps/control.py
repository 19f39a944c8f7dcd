"""Sweeps as people control them: start, stop and resume many runs as one."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError, TrainingError
from core.language import tr
from core.runs.queueing import RUNS
from core.runs.work import LIVE_STATES, UNFINISHED
from core.services.desk import Desk
from core.services.desk.id_prefix import id_beginning_with
from core.services.runs.config_resolution import resolve_config
from core.services.runs.control import reconcile_runs
from core.services.runs.requests import SweepPlace, add_run, queue_of
from core.services.runs.supervision import start_supervisor
from core.services.sweeps.request import SweepKind, SweepRequest, trial_request
from db import models as tables
from db.states import State


def start_sweep(desk: Desk, request: SweepRequest) -> str:
    """Record a sweep with the runs that are known from the beginning, begin what can begin, and return its id.

    A search's runs are asked for by the supervisor while it runs. Raises InputNotFoundError if the folder of the
    dataset or the split is not there, and CohortError if the split was saved for other images.
    """
    if not request.data.is_dir():
        raise InputNotFoundError(tr("There is no folder {data}. Name the folder of a dataset.", data=request.data))
    base = resolve_config(desk, request.data, request.split, request.base)
    request = request.model_copy(update={"base": base})
    with desk.transaction() as session:
        sweep_id = record_sweep(session, desk, request)
    start_supervisor(desk)
    return sweep_id


def record_sweep(session: Session, desk: Desk, request: SweepRequest) -> str:
    """Add a sweep and its runs to what a transaction records, and return its id."""
    sweep_id = uuid.uuid4().hex[:12]
    name = request.name or name_of(request)
    absolute = request.model_copy(update={"data": request.data.absolute(), "name": name})
    session.add(
        tables.Sweep(
            id=sweep_id,
            name=name,
            kind=request.kind.value,
            request=absolute.model_dump(mode="json"),
            num_trials=request.num_runs,
            is_open=request.kind is SweepKind.SEARCH,
        )
    )
    session.flush()
    for number, row in enumerate(request.expanded()):
        add_run(session, desk, trial_request(absolute, row), place=SweepPlace(sweep_id, number))
    return sweep_id


def name_of(request: SweepRequest) -> str:
    """Return a name for a sweep that was given none."""
    varied = [axis.field for axis in request.axes] or list(
        dict.fromkeys(setting.field for row in request.rows for setting in row)
    )
    if (len(request.seeds) > 1 or not varied) and request.kind is not SweepKind.SEARCH:
        varied.append("seed")
    return f"{request.kind.value.capitalize()} of {', '.join(name.replace('_', ' ') for name in varied)}"


def stop_sweep(desk: Desk, sweep_id: str) -> None:
    """Ask every run of a sweep to stop and ask for no more; does nothing to what has ended."""
    sweep_id = find_sweep(desk, sweep_id)
    with desk.transaction() as session:
        session.get_one(tables.Sweep, sweep_id).is_open = False
        for run_id in _runs_in(session, sweep_id, (State.QUEUED.value, *LIVE_STATES)):
            RUNS.request_stop(session, run_id)
    # Should a worker not hear, the supervisor presses it.
    start_supervisor(desk)


def resume_sweep(desk: Desk, sweep_id: str) -> int:
    """Let a sweep continue: its unfinished runs from their checkpoints, a search with the trials it still lacks.

    Runs that were pruned stay so. Returns how many runs wait again; raises TrainingError if nothing is left to do.
    """
    sweep_id = find_sweep(desk, sweep_id)
    # A run that was killed unseen is unfinished too.
    reconcile_runs(desk)
    with desk.transaction() as session:
        sweep = session.get_one(tables.Sweep, sweep_id)
        waiting = _unfinished_in(session, sweep_id)
        num_made = len(_runs_in(session, sweep_id, [state.value for state in State]))
        if not waiting and num_made >= sweep.num_trials:
            raise TrainingError(
                tr(
                    "Sweep {sweep_id} has nothing left to do: every run of it is under way or has ended.",
                    sweep_id=sweep_id,
                )
            )
        for run_id in waiting:
            asked = session.get_one(tables.Run, run_id).config.get("device", "auto")
            RUNS.requeue(session, run_id, device=queue_of(desk, asked))
        sweep.is_open, sweep.reasons = sweep.kind == SweepKind.SEARCH, None
    start_supervisor(desk)
    return len(waiting)


def find_sweep(desk: Desk, sweep_id: str) -> str:
    """Return the id of the one sweep whose id begins so; raises InputNotFoundError."""
    with desk.reading() as session:
        return id_beginning_with(session, tables.Sweep.id, sweep_id, "sweep")


def _runs_in(session: Session, sweep_id: str, states: Sequence[str]) -> list[str]:
    run = tables.Run
    return list(
        session.scalars(
            select(run.id).where(run.sweep_id == sweep_id, run.state.in_(states)).order_by(run.trial_number)
        )
    )


def _unfinished_in(session: Session, sweep_id: str) -> list[str]:
    """Return what a sweep's end lacks; what was pruned has ended for good."""
    run = tables.Run
    return list(
        session.scalars(
            select(run.id)
            .where(
                run.sweep_id == sweep_id,
                run.state.in_(UNFINISHED),
                (run.pruned_epoch.is_(None)) | (run.state != State.STOPPED.value),
            )
            .order_by(run.trial_number)
        )
    )
