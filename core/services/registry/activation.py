"""Which model version the desk reads with: set, undone, and never forgotten; archiving of those out of use."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.audit_trail import UNNAMED, AuditAction, record_event
from core.services.models.lookup import STARTER, find_model
from core.services.registry.promotion import PromotedModel, find_row, version_of_row
from db import models as tables
from db.base import utc_now

ACTIVATED = "activated"
ROLLED_BACK = "rolled back"


class ActivationError(PneumoDeskError):
    """The active model does not allow what was asked for."""


@dataclass(frozen=True)
class Activation:
    """One change of the active model."""

    model: str
    kind: str
    actor: str
    created_at: datetime


def activate(desk: Desk, model: str, actor: str | None = None) -> Activation:
    """Make a version, or the bundled model, the one that triage, the command line and /predict read with.

    Its files are checked against their hashes first. Raises InputNotFoundError, CheckpointError for damaged files,
    and ActivationError if it is archived or active already.
    """
    find_model(desk, model)
    with desk.transaction() as session:
        before = _stack(session)
        if before[-1] == model:
            raise ActivationError(tr("{model} is the active model already.", model=model))
        if model != STARTER and find_row(session, model).archived_at is not None:
            raise ActivationError(tr("{model} is archived. Take it out of the archive first.", model=model))
        return _change(session, model, ACTIVATED, actor, before[-1])


def roll_back(desk: Desk, actor: str | None = None) -> Activation:
    """Make the formerly active model the active one again; once more goes one further back.

    Versions that were archived meanwhile are passed over. Raises ActivationError if no model was active before, and
    CheckpointError if the former one's files are damaged.
    """
    model = former_model(desk)
    if model is None:
        raise ActivationError(tr("No other model was active before: there is nothing to roll back to."))
    find_model(desk, model)
    with desk.transaction() as session:
        before = _stack(session)
        if _former(session, before) != model:
            raise ActivationError(tr("Somebody else changed the active model just now. Look again."))
        return _change(session, model, ROLLED_BACK, actor, before[-1])


def former_model(desk: Desk) -> str | None:
    """Return what `roll_back` would go back to, None if nothing was active before."""
    with desk.reading() as session:
        return _former(session, _stack(session))


def list_activations(desk: Desk, limit: int = 100) -> list[Activation]:
    """Return the changes of the active model, newest first."""
    row = tables.ModelActivation
    with desk.reading() as session:
        return [_activation(one) for one in session.scalars(select(row).order_by(row.id.desc()).limit(limit))]


def archive_version(desk: Desk, reference: str, actor: str | None = None) -> PromotedModel:
    """Take a version out of every list; its files and what it read stay. Raises ActivationError for the active one."""
    with desk.transaction() as session:
        row = find_row(session, reference)
        if _stack(session)[-1] == reference:
            raise ActivationError(
                tr("{reference} is the active model. Activate another or roll back first.", reference=reference)
            )
        if row.archived_at is None:
            row.archived_at = utc_now()
            record_event(session, actor, AuditAction.DELETION, reference, what="archived")
        return version_of_row(desk, session, row)


def restore_version(desk: Desk, reference: str, actor: str | None = None) -> PromotedModel:
    """Undo the archiving of a version."""
    with desk.transaction() as session:
        row = find_row(session, reference)
        if row.archived_at is not None:
            row.archived_at = None
            record_event(session, actor, AuditAction.UNDO, reference, what="unarchived")
        return version_of_row(desk, session, row)


def _stack(session: Session) -> list[str]:
    """Return the models that were active one after another, without those that were rolled back from."""
    stack = [STARTER]
    for row in session.scalars(select(tables.ModelActivation).order_by(tables.ModelActivation.id)):
        if row.kind == ACTIVATED:
            stack.append(row.model)
            continue
        # The model rolled back from goes, then those that were archived in between.
        stack.pop()
        while len(stack) > 1 and stack[-1] != row.model:
            stack.pop()
    return stack


def _former(session: Session, stack: list[str]) -> str | None:
    """Return the last model before the active one that is available; the one active now is none."""
    for model in reversed(stack[:-1]):
        if model != stack[-1] and (model == STARTER or find_row(session, model).archived_at is None):
            return model
    return None


def _change(session: Session, model: str, kind: str, actor: str | None, before: str) -> Activation:
    row = tables.ModelActivation(model=model, kind=kind, actor=actor or UNNAMED)
    session.add(row)
    session.flush()
    record_event(session, actor, AuditAction.MODEL_CHANGE, model, what=kind, before=before)
    return _activation(row)


def _activation(row: tables.ModelActivation) -> Activation:
    return Activation(row.model, row.kind, row.actor, row.created_at)
