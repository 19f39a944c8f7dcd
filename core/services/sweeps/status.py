"""Sweeps as people watch them: progress, time left, best so far, every run; cheap enough for many watchers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core.reasons import say
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.runs.control import find_lost_runs
from core.services.sweeps.control import find_sweep
from core.services.sweeps.request import Objective, SweepKind, SweepRequest
from core.services.sweeps.results import stored_request, value_of, values_of_runs
from db import models as tables
from db.base import utc_now
from db.states import State

PRUNED = "pruned"


@dataclass(frozen=True)
class SweepCounts:
    """How many runs of a sweep stand how; what a search has not asked for yet is `num_unasked`."""

    num_trials: int
    num_completed: int = 0
    num_pruned: int = 0
    num_running: int = 0
    num_queued: int = 0
    num_unfinished: int = 0

    @property
    def num_done(self) -> int:
        """Runs that came to the end they were meant to come to."""
        return self.num_completed + self.num_pruned

    @property
    def num_unasked(self) -> int:
        """Runs that a search may still ask for."""
        return max(0, self.num_trials - self.num_done - self.num_running - self.num_queued - self.num_unfinished)

    @property
    def fraction(self) -> float:
        """Share of the runs that is done."""
        return self.num_done / self.num_trials


@dataclass(frozen=True)
class SweepLine:
    """One sweep in a list; `state` is running, completed or stopped."""

    id: str
    name: str
    kind: str
    state: str
    counts: SweepCounts
    error: str | None
    created_at: datetime

    @property
    def is_live(self) -> bool:
        """Whether it continues."""
        return self.state == State.RUNNING


@dataclass(frozen=True)
class SweepTrial:
    """One run of a sweep: its own settings, how it stands (a run state or `pruned`), its objective's value."""

    number: int
    run_id: str
    state: str
    settings: Mapping[str, Any]
    value: float | None
    best_epoch: int | None
    pruned_epoch: int | None
    seconds: float | None
    error: str | None
    started_at: datetime | None
    seconds_left: float | None
    device: str


@dataclass(frozen=True)
class SweepDetail:
    """One sweep with its runs, in the order of their numbers; times in seconds."""

    line: SweepLine
    request: SweepRequest
    trials: tuple[SweepTrial, ...]
    best: SweepTrial | None
    seconds_left: float | None
    seconds_of_runs: float


def list_sweeps(desk: Desk, limit: int = 50) -> list[SweepLine]:
    """Return the newest sweeps, newest first."""
    find_lost_runs(desk)
    with desk.reading() as session:
        sweeps = session.scalars(
            select(tables.Sweep).order_by(tables.Sweep.created_at.desc(), tables.Sweep.id).limit(limit)
        ).all()
        counts = _counts(session, [sweep.id for sweep in sweeps])
    return [_line(sweep, counts.get(sweep.id, {})) for sweep in sweeps]


def get_sweep(desk: Desk, sweep_id: str) -> SweepDetail:
    """Return a sweep with its runs; it may be named by the beginning of its id. Raises InputNotFoundError."""
    find_lost_runs(desk)
    sweep_id = find_sweep(desk, sweep_id)
    run = tables.Run
    with desk.reading() as session:
        sweep = session.get_one(tables.Sweep, sweep_id)
        runs = session.scalars(select(run).where(run.sweep_id == sweep_id).order_by(run.trial_number)).all()
        counts = _counts(session, [sweep_id])
        request = stored_request(sweep)
        values = values_of_runs(session, request.objective, [one.id for one in runs])
    line = _line(sweep, counts.get(sweep_id, {}))
    trials = tuple(_trial(one, request, values.get(one.id, {})) for one in runs)
    return SweepDetail(
        line=line,
        request=request,
        trials=trials,
        best=best_of(trials, request.objective),
        seconds_left=time_left(trials, line),
        seconds_of_runs=sum(trial.seconds or 0.0 for trial in trials),
    )


def best_of(trials: tuple[SweepTrial, ...], objective: Objective) -> SweepTrial | None:
    """Return the run with the best value, the first of equals."""
    sign = 1 if objective.is_better_when_lower else -1
    valued = [(sign * trial.value, trial.number, trial) for trial in trials if trial.value is not None]
    return min(valued, key=lambda one: one[:2], default=(None, None, None))[2]


def time_left(trials: tuple[SweepTrial, ...], line: SweepLine) -> float | None:
    """Return the seconds that a live sweep still takes, by the mean of its ended runs and what its runs say."""
    if not line.is_live:
        return None
    ended = [
        trial.seconds for trial in trials if trial.seconds is not None and trial.state in (State.COMPLETED, PRUNED)
    ]
    running = [trial for trial in trials if trial.state in LIVE_STATES]
    if not ended:
        return None
    mean = sum(ended) / len(ended)
    ahead = mean * (line.counts.num_queued + line.counts.num_unasked)
    for trial in running:
        elapsed = (utc_now() - trial.started_at).total_seconds() if trial.started_at else 0.0
        ahead += trial.seconds_left if trial.seconds_left is not None else max(0.0, mean - elapsed)
    return ahead / max(1, len({trial.device for trial in running}))


def _counts(session: Session, sweep_ids: list[str]) -> dict[str, dict[str, int]]:
    """Return for each sweep how many runs are in which state; those that were pruned count as such."""
    run = tables.Run
    shown = case((run.pruned_epoch.is_not(None) & (run.state == State.STOPPED.value), PRUNED), else_=run.state).label(
        "shown"
    )
    rows = session.execute(
        select(run.sweep_id, shown, func.count()).where(run.sweep_id.in_(sweep_ids)).group_by(run.sweep_id, shown)
    )
    counts: dict[str, dict[str, int]] = {}
    for sweep_id, state, count in rows:
        counts.setdefault(sweep_id or "", {})[state] = count
    return counts


def _line(sweep: tables.Sweep, by_state: Mapping[str, int]) -> SweepLine:
    counts = SweepCounts(
        num_trials=sweep.num_trials,
        num_completed=by_state.get(State.COMPLETED, 0),
        num_pruned=by_state.get(PRUNED, 0),
        num_running=sum(by_state.get(state, 0) for state in LIVE_STATES),
        num_queued=by_state.get(State.QUEUED, 0),
        num_unfinished=sum(by_state.get(state, 0) for state in (State.STOPPED, State.FAILED, State.LOST)),
    )
    if sweep.is_open or counts.num_running or counts.num_queued:
        state = State.RUNNING
    else:
        state = State.COMPLETED if counts.num_done >= sweep.num_trials else State.STOPPED
    return SweepLine(sweep.id, sweep.name, sweep.kind, state.value, counts, say(sweep.reasons), sweep.created_at)


def _trial(run: tables.Run, request: SweepRequest, by_epoch: Mapping[int, float | None]) -> SweepTrial:
    is_pruned = run.pruned_epoch is not None and run.state == State.STOPPED
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    return SweepTrial(
        number=run.trial_number or 0,
        run_id=run.id,
        state=PRUNED if is_pruned else run.state,
        settings={name: run.config.get(name) for name in varied_fields(request)},
        value=value_of(run, by_epoch),
        best_epoch=(run.summary or {}).get("best_epoch"),
        pruned_epoch=run.pruned_epoch if is_pruned else None,
        seconds=seconds,
        error=None if is_pruned else say(run.reasons),
        started_at=run.started_at,
        seconds_left=(run.progress or {}).get("seconds_left") if run.state in LIVE_STATES else None,
        device=run.device,
    )


def varied_fields(request: SweepRequest) -> tuple[str, ...]:
    """Return the choices in which the runs of a sweep may differ."""
    fields = [axis.field for axis in request.axes] if request.kind is not SweepKind.ROWS else []
    fields += [setting.field for row in request.rows for setting in row]
    if len(request.seeds) > 1:
        fields.append("seed")
    return tuple(dict.fromkeys(fields))
