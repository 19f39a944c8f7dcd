"""Sets of runs as tables: runs that differ in the seed alone are one row, each figure with its spread."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy import select

from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport
from core.language import tr
from core.progress import OnProgress, Progress, tell_nobody
from core.services.desk import Desk
from core.services.desk.csv_export import rows_to_csv
from core.services.desk.id_prefix import id_beginning_with
from core.services.desk.isolated_process import run_apart
from core.services.evaluation.predictions import HOLDOUT, OWN_FOLDS, load_predictions
from core.services.evaluation.test_set_access import ShownFigures, count_looks
from core.services.experiments.holdout import holdout_files
from core.services.models.inference_cost import ModelCost, known_cost, measure_cost
from core.services.runs.record import RunRecord, get_record, resolve_run_ids
from db import models as tables
from db.states import State

MOST_RUNS = 200
FIGURES = ("accuracy", "sensitivity", "specificity", "f1", "auc")


@dataclass(frozen=True)
class Spread:
    """A figure over the seeds: mean, smallest and largest; None where no run has it."""

    mean: float | None
    low: float | None
    high: float | None
    num: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Spread":
        """Return the spread of the values that are there."""
        known = [value for value in values if value is not None]
        if not known:
            return cls(None, None, None, 0)
        return cls(float(np.mean(known)), min(known), max(known), len(known))


@dataclass(frozen=True)
class TableRow:
    """Runs that differ in the seed alone, evaluated on one fold; cost is of the first, None where it was not
    measured.
    """

    run_ids: tuple[str, ...]
    seeds: tuple[int | None, ...]
    config: dict[str, Any]
    num_epochs: Spread
    training_seconds: Spread
    figures: dict[str, Spread]
    cost: ModelCost | None


@dataclass(frozen=True)
class RunTable:
    """Rows evaluated on the same fold; `notes` say what is missing or not alike."""

    split: str
    num_films: int | None
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]


def chosen_runs(desk: Desk, *, sweep: str | None = None, runs: Sequence[str] = ()) -> list[str]:
    """Return the finished runs of a sweep or those that are named; raises InputNotFoundError, EvaluationError."""
    if sweep is None:
        ids = list(dict.fromkeys(resolve_run_ids(desk, runs)))
    else:
        with desk.reading() as session:
            sweep_id = id_beginning_with(session, tables.Sweep.id, sweep, "sweep")
            run = tables.Run
            finished = select(run.id).where(run.sweep_id == sweep_id, run.state == State.COMPLETED.value)
            ids = list(session.scalars(finished.order_by(run.trial_number)))
    if not 1 <= len(ids) <= MOST_RUNS:
        raise EvaluationError(
            tr(
                "A table is made of 1 to {most} finished runs; {num_found} were found.",
                most=MOST_RUNS,
                num_found=len(ids),
            )
        )
    return ids


def prepare_table(desk: Desk, run_ids: Sequence[str], on_progress: OnProgress = tell_nobody) -> None:
    """Evaluate the held-out images of each run that has some, and time each checkpoint, in processes of their own.

    What is known stays, so that work which is broken off continues where it was. Raises EvaluationError.
    """
    for place, run_id in enumerate(run_ids):
        on_progress(Progress("evaluating and timing", place, len(run_ids)))
        record = get_record(desk, run_id)
        if not record.has_checkpoint:
            continue
        if HOLDOUT not in record.splits and holdout_files(record):
            run_apart(desk, "core.services.workers.holdout", run_id)
        measure_cost(desk, f"run:{record.id}")
    on_progress(Progress("evaluating and timing", len(run_ids), len(run_ids)))


def num_to_prepare(desk: Desk, run_ids: Sequence[str]) -> int:
    """Return of how many runs the cost or the held-out images are still to be measured."""
    records = [get_record(desk, run_id) for run_id in run_ids]
    return sum(
        record.has_checkpoint
        and (
            known_cost(desk, record.checkpoint_hash or "") is None
            or (HOLDOUT not in record.splits and bool(holdout_files(record)))
        )
        for record in records
    )


def run_table(desk: Desk, run_ids: Sequence[str], split: str | None = None, *, record: bool = True) -> RunTable:
    """Return runs as a table, on the held-out patients if every run was evaluated on its own, else on validation.

    Figures of held-out patients count as looked at unless `record` is false. Raises EvaluationError for another split.
    """
    if split not in (None, *OWN_FOLDS):
        raise EvaluationError(
            tr(
                "A table is made on held-out or choosing images, not on {split!r}: test images stay closed.",
                split=split,
            )
        )
    records = [get_record(desk, run_id) for run_id in run_ids]
    reports = _reports(desk, records, HOLDOUT if split is None else split)
    used = split or HOLDOUT
    if split is None and len(reports) < len(records):
        used, reports = "validation", _reports(desk, records, "validation")
    if record:
        looks = [
            ShownFigures(run.checkpoint_hash or "", run.cohort_fingerprint, used, reports[run.id])
            for run in records
            if run.id in reports
        ]
        count_looks(desk, looks, "looked at")
    groups: dict[str, list[RunRecord]] = {}
    for run in records:
        groups.setdefault(_recipe_key(run), []).append(run)
    numbers = {report.n for report in reports.values()}
    return RunTable(
        split=used,
        num_films=numbers.pop() if len(numbers) == 1 else None,
        rows=tuple(_row(desk, members, reports) for members in groups.values()),
        notes=_notes(records, reports, used),
    )


def differing_fields(table: RunTable) -> list[str]:
    """Return the config fields in which the rows differ, in the config's order."""
    names = list(dict.fromkeys(name for row in table.rows for name in row.config))
    return [name for name in names if len({json.dumps(row.config.get(name)) for row in table.rows}) > 1]


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as CSV, a column for each key of the first."""
    return rows_to_csv(rows, decimals=None)


def spread_columns(name: str, spread: Spread) -> dict[str, float | None]:
    """Return a spread as three columns."""
    return {name: spread.mean, f"{name}_low": spread.low, f"{name}_high": spread.high}


def _reports(desk: Desk, records: Sequence[RunRecord], split: str) -> dict[str, EvaluationReport]:
    """Return the report of each run on a split, by run; those of validation are in the run's own record too."""
    hashes = {record.id: record.checkpoint_hash for record in records if record.checkpoint_hash}
    with desk.reading() as session:
        kept = load_predictions(session, list(hashes.values()), split)
    found = {run_id: kept[one].report for run_id, one in hashes.items() if one in kept}
    for record in records:
        figures = record.summary.get("metrics", {}).get(split)
        if record.id not in found and figures:
            # A record from elsewhere may hold fewer figures; the run then stands without any, and is named.
            with suppress(ValidationError):
                found[record.id] = EvaluationReport.model_validate(figures)
    return found


def _recipe_key(record: RunRecord) -> str:
    recipe = {name: value for name, value in record.config.items() if name != "seed"}
    return json.dumps([record.cohort_fingerprint, recipe], sort_keys=True)


def _row(desk: Desk, members: Sequence[RunRecord], reports: dict[str, EvaluationReport]) -> TableRow:
    judged = [reports[member.id] for member in members if member.id in reports]
    costs = [known_cost(desk, member.checkpoint_hash) for member in members if member.checkpoint_hash]
    return TableRow(
        run_ids=tuple(member.id for member in members),
        seeds=tuple(member.config.get("seed") for member in members),
        config={name: value for name, value in members[0].config.items() if name != "seed"},
        num_epochs=Spread.of([member.summary.get("num_epochs") for member in members]),
        training_seconds=Spread.of([member.summary.get("training_seconds") for member in members]),
        figures={name: Spread.of([getattr(report, name) for report in judged]) for name in FIGURES},
        cost=next((cost for cost in costs if cost is not None), None),
    )


def _notes(records: Sequence[RunRecord], reports: dict[str, EvaluationReport], split: str) -> tuple[str, ...]:
    notes = []
    if split == HOLDOUT:
        notes.append(tr("Figures are of held-out patients of the training images; the test images stay closed."))
    else:
        notes.append(tr("Figures are of the {split} images, which also chose: mildly optimistic.", split=split))
    if lacking := [f"{record.name} ({record.id})" for record in records if record.id not in reports]:
        notes.append(tr("Without figures on these images: {lacking}.", lacking=", ".join(lacking)))
    if len({report.n for report in reports.values()}) > 1:
        notes.append(tr("The runs were evaluated on different numbers of images: rows compare roughly."))
    return tuple(notes)
