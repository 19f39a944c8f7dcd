"""What the desk keeps and for how long: deleting a batch with its films, the retention period, storage used."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError, WorklistError
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.storage import measure_folder
from core.services.worklist.rules import current_rules
from db import models as tables
from db.base import utc_now
from db.states import State

RETENTION = "retention period"


@dataclass(frozen=True)
class Deletion:
    """What a deletion took away."""

    num_readings: int
    num_verdicts: int
    num_bytes: int


def delete_batch(desk: Desk, batch_id: str, actor: str | None, reason: str = "") -> Deletion:
    """Delete a batch: its readings, heatmaps, uploaded films, and the verdicts on studies that no other batch has.

    Films in folders of the server are never touched. The files go first, so that a crash in between leaves a batch
    that can be deleted again and never files that nobody knows of. The audit trail keeps that it was done. Raises
    InputNotFoundError, and WorklistError while the batch is being read or if its films cannot be removed.
    """
    with desk.reading() as session:
        batch = session.get(tables.Batch, batch_id)
        if batch is None:
            raise InputNotFoundError(f"There is no batch {batch_id!r}. It may have been deleted already.")
        if batch.state in {State.QUEUED.value, *LIVE_STATES}:
            raise WorklistError("This batch is being read. Stop it first, then delete it.")
        folders = [desk.settings.worklists / batch_id, *_own_uploads(desk, session, batch)]
    num_bytes = sum(measure_folder(folder)[0] for folder in folders)
    for folder in folders:
        _remove(folder)
    with desk.transaction() as session:
        return _delete_rows(session, batch_id, actor, reason, num_bytes)


def expired_batches(desk: Desk, now: datetime | None = None) -> list[str]:
    """Return the finished batches that are older than the rules' retention period, oldest first."""
    days = current_rules(desk).rules.keep_days
    if days is None:
        return []
    batch = tables.Batch
    before = (now or utc_now()) - timedelta(days=days)
    with desk.reading() as session:
        return list(
            session.scalars(
                select(batch.id)
                .where(batch.state.not_in((*LIVE_STATES, State.QUEUED.value)), batch.created_at < before)
                .order_by(batch.created_at)
            )
        )


def apply_retention(desk: Desk, now: datetime | None = None) -> int:
    """Delete the batches whose time is over, as the rules say, and return how many.

    One that cannot be deleted holds up no other; raises its WorklistError at the end.
    """
    num_deleted, problem = 0, None
    for batch_id in expired_batches(desk, now):
        try:
            delete_batch(desk, batch_id, RETENTION, f"older than {current_rules(desk).rules.keep_days} days")
        except InputNotFoundError:
            # Another process of the desk was faster.
            continue
        except WorklistError as error:
            problem = problem or error
            continue
        num_deleted += 1
    if problem:
        raise problem
    return num_deleted


def delete_old_predictions(desk: Desk, now: datetime | None = None) -> int:
    """Delete what the REST API found of single films longer ago than the setting allows, and return how many."""
    days = desk.settings.keep_predictions_days
    if not days:
        return 0
    prediction = tables.Prediction
    with desk.transaction() as session:
        before = (now or utc_now()) - timedelta(days=days)
        num_deleted = session.execute(delete(prediction).where(prediction.created_at < before)).rowcount
        if num_deleted:
            subject = f"{num_deleted} predictions"
            record_event(session, RETENTION, AuditAction.DELETION, subject, reason=f"older than {days} days")
    return num_deleted


def apply_retention_if_allowed(desk: Desk) -> None:
    """Remove expired films where that can be done; a batch that was read stays read where it cannot."""
    # Whoever may not remove old films is told so on the page.
    with suppress(WorklistError):
        apply_retention(desk)


def _own_uploads(desk: Desk, session: Session, batch: tables.Batch) -> list[Path]:
    """Return the upload folders that only this batch was read from."""
    others = session.scalars(select(tables.Batch.request).where(tables.Batch.id != batch.id))
    elsewhere = {path for request in others for path in request.get("paths", ())}
    uploads = desk.settings.uploads.absolute()
    own = [Path(path) for path in batch.request.get("paths", ()) if path not in elsewhere]
    # The folder below `uploads`, which also holds what the upload itself needed.
    return [
        uploads / path.relative_to(uploads).parts[0]
        for path in own
        if path.is_relative_to(uploads) and path != uploads and ".." not in path.parts
    ]


def _delete_rows(session: Session, batch_id: str, actor: str | None, reason: str, num_bytes: int) -> Deletion:
    reading, verdict, assignment = tables.Reading, tables.Verdict, tables.Assignment
    batch = session.get(tables.Batch, batch_id)
    if batch is None:
        raise InputNotFoundError(f"There is no batch {batch_id!r}. It may have been deleted already.")
    mine = set(session.scalars(select(reading.study).where(reading.batch_id == batch_id)))
    shared = set(
        session.scalars(
            select(reading.study).where(
                reading.batch_id != batch_id,
                reading.study.in_(select(reading.study).where(reading.batch_id == batch_id)),
            )
        )
    )
    alone = mine - shared
    num_readings = session.query(reading).where(reading.batch_id == batch_id).count()
    num_verdicts = 0
    for studies in _in_parts(sorted(alone)):
        num_verdicts += session.execute(delete(verdict).where(verdict.study.in_(studies))).rowcount
        session.execute(delete(assignment).where(assignment.study.in_(studies)))
    record_event(
        session,
        actor,
        AuditAction.DELETION,
        batch.source,
        batch=batch_id,
        readings=num_readings,
        verdicts=num_verdicts,
        megabytes=round(num_bytes / 1e6, 1),
        reason=reason,
    )
    session.delete(batch)
    return Deletion(num_readings, num_verdicts, num_bytes)


def _in_parts(items: list[str], size: int = 500) -> list[list[str]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorklistError(
            f"{error.filename or folder} cannot be removed ({error.strerror}). The batch stays on the desk; delete it "
            "again once this user may write there."
        ) from error
