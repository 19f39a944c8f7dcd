"""Runs as they are in the database."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from core.services.desk import Desk
from core.services.desk.id_prefix import id_beginning_with
from core.services.runs.control import reconcile_runs
from core.services.runs.readable import failure_in_words, readable
from db import models as tables


def list_runs(desk: Desk, limit: int = 1000, offset: int = 0) -> list[dict[str, Any]]:
    """Return runs that are not deleted, newest first, with their state and main figures."""
    reconcile_runs(desk)
    with desk.reading() as session:
        note = tables.RunAnnotation
        runs = session.scalars(
            select(tables.Run)
            .outerjoin(note, note.run_id == tables.Run.id)
            .where(note.deleted_at.is_(None))
            .order_by(tables.Run.created_at.desc(), tables.Run.id)
            .limit(limit)
            .offset(offset)
        ).all()
        return [_line(run) for run in runs]


def show_run(desk: Desk, run_id: str) -> dict[str, Any]:
    """Return everything about one run; a run may be named by the beginning of its id, if only one begins so."""
    reconcile_runs(desk)
    with desk.reading() as session:
        run = session.get_one(tables.Run, id_beginning_with(session, tables.Run.id, run_id, "run"))
        epochs: dict[int, dict[str, float | None]] = {}
        for metric in run.metrics:
            epochs.setdefault(metric.epoch, {})[metric.name] = metric.value
        failure = failure_in_words(run)
        return {
            **_line(run),
            "config": run.config,
            "split_name": run.split_name,
            "split_fingerprint": run.split_fingerprint,
            "environment": run.environment,
            "folder": run.folder,
            "summary": run.summary,
            "failure": asdict(failure) if failure else None,
            "reasons": run.reasons or [],
            "epochs": [{"epoch": epoch, **epochs[epoch]} for epoch in sorted(epochs)],
        }


def _line(run: tables.Run) -> dict[str, Any]:
    shown = readable(run)
    validation = shown.summary.get("metrics", {}).get("validation", {})
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "architecture": shown.config.get("architecture"),
        "validation_auc": validation.get("auc"),
        # The first is the older name; epochs hold an accuracy at 0.5 under the same.
        **dict.fromkeys(("validation_accuracy", "validation_accuracy_at_threshold"), validation.get("accuracy")),
        "cohort_fingerprint": run.cohort_fingerprint,
        "checkpoint_hash": run.checkpoint_hash,
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "error": shown.error,
    }
