"""What a sweep was asked to do, as its row keeps it, and what its runs gave."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import SettingsError
from core.language import tr
from core.services.sweeps.request import Objective, SweepRequest
from db import models as tables
from db.states import State


def stored_request(sweep: tables.Sweep) -> SweepRequest:
    """Return what a sweep was asked to do; raises SettingsError if it no longer makes sense in this version."""
    try:
        return SweepRequest.model_validate(sweep.request)
    except ValueError as error:
        raise SettingsError(
            tr(
                "Sweep {sweep_id} was recorded by another version and no longer makes sense here. Its runs stay "
                "as they are under Experiments; start the sweep again.",
                sweep_id=sweep.id,
            )
        ) from error


def values_of_runs(
    session: Session, objective: Objective, run_ids: Sequence[str]
) -> dict[str, dict[int, float | None]]:
    """Return for each run its objective by epoch, from 1 on."""
    metric = tables.RunMetric
    rows = session.execute(
        select(metric.run_id, metric.epoch, metric.value)
        .where(metric.run_id.in_(run_ids), metric.name == objective.value)
        .order_by(metric.epoch)
    )
    values: dict[str, dict[int, float | None]] = {}
    for run_id, epoch, value in rows:
        values.setdefault(run_id, {})[epoch] = value
    return values


def value_of(run: tables.Run, by_epoch: Mapping[int, float | None]) -> float | None:
    """Return a completed run's objective at the epoch whose weights were kept."""
    if run.state != State.COMPLETED or not by_epoch:
        return None
    best: Any = (run.summary or {}).get("best_epoch")
    return by_epoch.get(best, by_epoch[max(by_epoch)])
