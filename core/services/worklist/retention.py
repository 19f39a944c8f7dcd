"""How long things are kept: batches by the period in the rules, results of single images by the setting."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from core.errors import InputNotFoundError, WorklistError
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.triage.batches import find_lost_batches
from core.services.worklist.deletion import hide_batch, purge_deleted
from core.services.worklist.rules import current_rules
from db import models as tables
from db.base import num_changed, utc_now
from db.states import State

RETENTION = "retention period"


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
                .where(
                    batch.state.not_in((*LIVE_STATES, State.QUEUED.value)),
                    batch.created_at < before,
                    batch.deleted_at.is_(None),
                )
                .order_by(batch.created_at)
            )
        )


def apply_retention(desk: Desk, now: datetime | None = None) -> int:
    """Delete the batches whose time is over, as the rules say, and for good what was deleted over a day ago.

    Returns how many batches were deleted. One whose files cannot be removed holds up no other; raises its WorklistError
    at the end.
    """
    # One that was killed unseen would never be finished, and never go.
    find_lost_batches(desk)
    num_deleted = 0
    for batch_id in expired_batches(desk, now):
        # Another process of the desk may be faster, or read it again.
        with suppress(InputNotFoundError, WorklistError):
            hide_batch(desk, batch_id, RETENTION, current_rules(desk).rules.keep_days)
            num_deleted += 1
    purge_deleted(desk, now)
    return num_deleted


def apply_retention_if_allowed(desk: Desk) -> None:
    """Remove expired images where that can be done; a batch that was read stays read where it cannot."""
    # Anyone who may not remove old images is told so on the page.
    with suppress(WorklistError):
        apply_retention(desk)


def delete_old_predictions(desk: Desk, now: datetime | None = None) -> int:
    """Delete what the REST API found of single images longer ago than the setting allows, and return how many."""
    days = desk.settings.keep_predictions_days
    if not days:
        return 0
    prediction = tables.Prediction
    with desk.transaction() as session:
        before = (now or utc_now()) - timedelta(days=days)
        num_deleted = num_changed(session.execute(delete(prediction).where(prediction.created_at < before)))
        if num_deleted:
            subject = f"{num_deleted} predictions"
            record_event(session, RETENTION, AuditAction.DELETION, subject, older_than_days=days)
    return num_deleted
