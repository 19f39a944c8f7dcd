"""Runs as people watch them: states, progress, curves and logs, read so cheaply that many may watch at once."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, or_, select

from core.reasons import say
from core.runs.run_log import read_tail
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.runs.control import can_resume, find_lost_runs, find_run
from core.services.runs.readable import FailureWords, failure_in_words, readable
from core.services.runs.supervision import log_of
from db import models as tables
from db.states import State


@dataclass(frozen=True)
class RunStatus:
    """How a run stands; fractions are 0 to 1, times in seconds, what is not known is None."""

    id: str
    name: str
    state: str
    device: str
    architecture: str | None
    seed: int | None
    sweep_id: str | None
    data: str | None
    split_name: str | None
    stage: str | None
    detail: str
    num_done: int
    num_all: int
    epoch: int | None
    num_epochs: int | None
    films_per_second: float | None
    seconds_per_step: float | None
    seconds_left: float | None
    queue_place: int | None
    num_attempts: int
    failure: FailureWords | None
    error: str | None
    checkpoint_hash: str | None
    heartbeat_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether it is queued or running."""
        return self.state in {State.QUEUED.value, *LIVE_STATES}

    @property
    def is_completed(self) -> bool:
        """Whether it ended with a model."""
        return self.state == State.COMPLETED.value

    @property
    def can_resume(self) -> bool:
        """Whether it ended unfinished and can continue."""
        return can_resume(self.state)

    @property
    def fraction(self) -> float | None:
        """Share of its present stage that is done."""
        return self.num_done / self.num_all if self.num_all else None


@dataclass(frozen=True)
class RunDetail:
    """One run with its config, its epochs so far, and the best of them, by validation loss until the run has chosen.

    `validation_auc` is the finished model's where `is_final`, before that the best epoch's as training computed it.
    """

    status: RunStatus
    config: dict[str, Any]
    summary: dict[str, Any]
    folder: Path
    epochs: tuple[dict[str, float | None], ...]
    best_epoch: int | None
    validation_auc: float | None
    is_final: bool


@dataclass(frozen=True)
class StepCurve:
    """Steps of a run after an offset, thinned evenly if they are many; `last_step` is the next offset."""

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    learning_rates: tuple[float, ...]
    films_per_second: tuple[float | None, ...]
    last_step: int


def list_watched(desk: Desk, num_ended: int = 20) -> list[RunStatus]:
    """Return every run that is queued or running, in the order of the queue, then the newest that ended."""
    find_lost_runs(desk)
    run, note = tables.Run, tables.RunAnnotation
    live = (State.QUEUED.value, *LIVE_STATES)
    with desk.reading() as session:
        waiting = session.scalars(
            select(run).where(run.state.in_(live)).order_by(run.queued_at, run.created_at, run.id)
        ).all()
        ended = session.scalars(
            select(run)
            .outerjoin(note, note.run_id == run.id)
            .where(run.state.not_in(live), note.deleted_at.is_(None))
            .order_by(func.coalesce(run.finished_at, run.created_at).desc())
            .limit(num_ended)
        ).all()
    places: dict[str, int] = {}
    num_before = Counter[str]()
    for queued in waiting:
        if queued.state == State.QUEUED:
            num_before[queued.device] += 1
            places[queued.id] = num_before[queued.device]
    ordered = sorted(waiting, key=lambda row: row.state == State.QUEUED)
    return [_status(row, places.get(row.id)) for row in (*ordered, *ended)]


def get_status(desk: Desk, run_id: str) -> RunStatus:
    """Return how a run stands; a run may be named by the beginning of its id. Raises InputNotFoundError."""
    find_lost_runs(desk)
    run_id = find_run(desk, run_id)
    with desk.reading() as session:
        return _status(session.get_one(tables.Run, run_id), None)


def get_detail(desk: Desk, run_id: str) -> RunDetail:
    """Return a run with its config and epochs; raises InputNotFoundError."""
    find_lost_runs(desk)
    run_id = find_run(desk, run_id)
    with desk.reading() as session:
        run = session.get_one(tables.Run, run_id)
        metric = tables.RunMetric
        rows = session.execute(
            select(metric.epoch, metric.name, metric.value).where(metric.run_id == run_id).order_by(metric.epoch)
        ).all()
    epochs: dict[int, dict[str, float | None]] = {}
    for epoch, name, value in rows:
        epochs.setdefault(epoch, {"epoch": epoch})[name] = value
    judged = [(loss, line) for line in epochs.values() if (loss := line.get("validation_loss")) is not None]
    _, best = min(judged, key=lambda one: one[0], default=(None, {}))
    # What the finished run says of itself is the one truth: of its own choice of epoch, in the format of its card.
    summary = readable(run).summary
    final = summary.get("metrics", {}).get("validation", {}).get("auc")
    return RunDetail(
        status=_status(run, None),
        config=run.config,
        summary=run.summary or {},
        folder=Path(run.folder),
        epochs=tuple(epochs.values()),
        best_epoch=_whole(summary.get("best_epoch") or best.get("epoch")),
        validation_auc=best.get("validation_auc") if final is None else final,
        is_final=final is not None,
    )


def _whole(epoch: float | None) -> int | None:
    return None if epoch is None else int(epoch)


def read_steps(desk: Desk, run_id: str, after: int = 0, most: int = 1000) -> StepCurve:
    """Return the numbers of a run's steps after step `after`, at most about `most` of them, evenly spaced.

    `run_id` is the whole id. Steps are thinned by the database, so 100,000 of them cost little more than 1,000.
    """
    step = tables.RunStep
    with desk.reading() as session:
        last = session.scalar(select(func.max(step.step)).where(step.run_id == run_id)) or 0
        if last <= after:
            return StepCurve((), (), (), (), min(after, last))
        stride = max(1, -(-(last - after) // most))
        wanted = or_(step.step % stride == 0, step.step == last) if stride > 1 else step.step > after
        rows = session.execute(
            select(step.step, step.loss, step.learning_rate, step.films_per_second)
            .where(and_(step.run_id == run_id, step.step > after, wanted))
            .order_by(step.step)
        ).all()
    columns = tuple(zip(*rows, strict=True)) or ((), (), (), ())
    return StepCurve(*columns, last_step=last)


def read_log(desk: Desk, run_id: str, num_lines: int = 200) -> str:
    """Return the last lines of a run's log; empty where it has none yet."""
    return read_tail(log_of(desk, find_run(desk, run_id)), num_lines)


def ended_since(desk: Desk, moment: datetime) -> list[RunStatus]:
    """Return the runs that ended after a moment, oldest first: what a page shows in a toast."""
    run = tables.Run
    with desk.reading() as session:
        rows = session.scalars(select(run).where(run.finished_at > moment).order_by(run.finished_at)).all()
    return [_status(row, None) for row in rows]


def _status(run: tables.Run, place: int | None) -> RunStatus:
    progress = run.progress or {}
    is_training = run.state in LIVE_STATES
    return RunStatus(
        id=run.id,
        name=run.name,
        state=run.state,
        device=run.device,
        architecture=run.config.get("architecture"),
        seed=run.config.get("seed"),
        sweep_id=run.sweep_id,
        data=run.data,
        split_name=run.split_name,
        stage=progress.get("stage"),
        detail=progress.get("detail") or "",
        num_done=progress.get("num_done") or 0,
        num_all=progress.get("num_all") or 0,
        epoch=progress.get("epoch"),
        num_epochs=progress.get("num_epochs") or run.config.get("epochs"),
        films_per_second=progress.get("films_per_second"),
        seconds_per_step=progress.get("seconds_per_step"),
        seconds_left=progress.get("seconds_left") if is_training else None,
        queue_place=place,
        num_attempts=run.num_attempts,
        failure=failure_in_words(run),
        error=say(run.reasons),
        checkpoint_hash=run.checkpoint_hash,
        heartbeat_at=run.heartbeat_at,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )
