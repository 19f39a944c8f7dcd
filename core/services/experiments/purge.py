"""Runs that were deleted for good: their files and records go once a deletion can no longer be undone by habit.

What others rest on stays: predictions, operating points and accesses, which the database lets nobody delete, and
what batches say of the model that read them.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import PneumoDeskError
from core.language import tr
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.runs.record import resolve_run_ids
from db import models as tables
from db.base import utc_now
from db.states import State

UNDO_HOURS = 24
"""For so long after its deletion a run can only be restored, unless somebody asks for it by name."""


@dataclass(frozen=True)
class Purge:
    """What was deleted for good."""

    run_ids: tuple[str, ...]
    num_bytes: int


def purgeable_runs(desk: Desk, now: datetime | None = None) -> tuple[str, ...]:
    """Return the ids of the runs whose time for undo is over; imported records stay."""
    before = (now or utc_now()) - timedelta(hours=UNDO_HOURS)
    annotation = tables.RunAnnotation
    with desk.reading() as session:
        return tuple(
            session.scalars(
                select(annotation.run_id)
                .where(annotation.deleted_at < before, annotation.run_id.not_in(select(tables.ImportedRecord.run_id)))
                .order_by(annotation.deleted_at)
            )
        )


def purge_runs(desk: Desk, runs: Sequence[str] | None, actor: str | None) -> Purge:
    """Delete runs for good: those named, by id or its beginning, or all whose time for undo is over.

    Files go first, so that a crash in between leaves a run that can be purged again. Raises PneumoDeskError, deleting
    nothing, for a run that was not deleted before or whose model is reading a batch.
    """
    run_ids = purgeable_runs(desk) if runs is None else tuple(dict.fromkeys(resolve_run_ids(desk, tuple(runs))))
    with desk.reading() as session:
        folders = {run_id: _checked_folder(desk, session, run_id) for run_id in run_ids}
    num_bytes = 0
    for run_id, folder in folders.items():
        if folder is not None:
            num_bytes += _remove(folder)
        with desk.transaction() as session:
            run = session.get(tables.Run, run_id)
            if run is not None:
                detail = {"checkpoint": (run.checkpoint_hash or "")[:12], "run": run_id}
                record_event(session, actor, AuditAction.DELETION, f"run {run.name}", **detail)
                session.delete(run)
    return Purge(run_ids, num_bytes)


def _checked_folder(desk: Desk, session: Session, run_id: str) -> Path | None:
    """Return the run's folder, None where it lies outside the desk's own and so is not the desk's to delete."""
    run = session.get_one(tables.Run, run_id)
    if session.get(tables.ImportedRecord, run_id) is not None:
        raise PneumoDeskError(
            tr(
                "{name} ({run_id}) is an imported record, which is never changed: only put it away.",
                name=run.name,
                run_id=run.id,
            )
        )
    annotation = session.get(tables.RunAnnotation, run_id)
    if annotation is None or annotation.deleted_at is None:
        raise PneumoDeskError(
            tr(
                "The run {name} ({run_id}) was not deleted. Delete it first; then it can be deleted for good.",
                name=run.name,
                run_id=run.id,
            )
        )
    live = (State.QUEUED.value, *LIVE_STATES)
    batch = session.scalar(
        select(tables.Batch.source)
        .join(tables.ModelVersion)
        .where(tables.Batch.state.in_(live), tables.ModelVersion.run_id == run_id)
    )
    if batch is not None:
        raise PneumoDeskError(
            tr(
                "The model of the run {name} ({run_id}) is reading {batch}. Stop that batch first.",
                name=run.name,
                run_id=run.id,
                batch=batch,
            )
        )
    folder = Path(run.folder).resolve()
    runs = desk.settings.runs.resolve()
    return folder if folder.is_relative_to(runs) and folder != runs else None


def _remove(folder: Path) -> int:
    num_bytes = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise PneumoDeskError(
            tr(
                "{filename} cannot be removed ({strerror}). The run stays among the deleted ones; purge it "
                "again once this user may write there.",
                filename=error.filename or folder,
                strerror=error.strerror,
            )
        ) from error
    return num_bytes
