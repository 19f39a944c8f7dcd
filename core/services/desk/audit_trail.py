"""The audit log: who did what when, written with what was done in one transaction, and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.language import mark, tr
from core.result_words import FINDINGS
from core.services.desk.csv_export import rows_to_csv
from core.services.desk.opening import Desk
from db import models as tables

UNNAMED = "not named"
DETAIL_NAMES = {
    "finding": mark("finding"),
    "study": mark("study"),
    "batch": mark("batch"),
    "undone": mark("undone"),
    "readings": mark("images"),
    "verdicts": mark("findings of readers"),
    "megabytes": mark("megabytes"),
    "older_than_days": mark("older than days"),
    "can_be_restored_until": mark("can be restored until"),
    "reason": mark("reason"),
    "what": mark("what"),
    "before": mark("before"),
    "format": mark("format"),
    "form": mark("format"),
    "films": mark("images"),
    "missing": mark("missing"),
    "files": mark("files"),
    "lines": mark("lines"),
    "model": mark("model"),
    "state": mark("state"),
    "source": mark("source"),
    "checkpoint": mark("checkpoint"),
    "operating_point": mark("operating point"),
    "intended_use": mark("intended use"),
    "largest_difference": mark("largest difference"),
    "key": mark("key"),
    "run": mark("run"),
    "assigned_to": mark("assigned to"),
}
"""How people read the names under which details are stored; others, such as those of rules, are shown as they are."""
DEEDS = {
    "archived": mark("archived, its files are kept"),
    "unarchived": mark("taken out of the archive"),
    "activated": mark("activated"),
    "rolled back": mark("rolled back"),
    "for good": mark("for good"),
    "deletion": mark("deletion"),
}
"""How people read the codes among the details."""
CSV_COLUMNS = ("id", "when", "who", "action", "subject", "detail")


class AuditAction(StrEnum):
    """What is kept in the trail; the values are stored."""

    UPLOAD = "upload"
    READ = "read"
    VERDICT = "verdict"
    UNDO = "undo"
    ASSIGNMENT = "assignment"
    RULES = "rules"
    EXPORT = "export"
    MODEL_CHANGE = "model change"
    PROMOTION = "promotion"
    DELETION = "deletion"
    BACKUP = "backup"
    RESTORE = "restore"


ACTION_NAMES = {AuditAction.VERDICT.value: mark("finding"), AuditAction.READ.value: mark("AI analysis")}
"""The words for actions whose stored names say something else to people."""


@dataclass(frozen=True)
class AuditFilter:
    """Which events are asked for; what is empty allows all."""

    actor: str = ""
    actions: tuple[AuditAction, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""
    limit: int | None = 500


@dataclass(frozen=True)
class AuditRow:
    """One event."""

    id: int
    when: datetime
    who: str
    action: str
    subject: str
    detail: dict[str, Any]


def record_event(session: Session, actor: str | None, action: AuditAction, subject: str, **detail: Any) -> None:
    """Add an event to the caller's transaction, so that neither it nor the deed ever stands alone."""
    session.add(
        tables.AuditEvent(actor=actor or UNNAMED, action=action.value, subject=subject.replace("\0", ""), detail=detail)
    )


def record_model_change(session: Session, batch: tables.Batch) -> None:
    """Add an event if a new batch is read by another model or at another operating point than the one before it."""
    before = session.scalar(select(tables.Batch).order_by(tables.Batch.created_at.desc()).limit(1))
    old = (before.model_version_id, before.operating_point_id) if before else None
    if old == (batch.model_version_id, batch.operating_point_id):
        return
    model = session.get_one(tables.ModelVersion, batch.model_version_id)
    point = session.get_one(tables.OperatingPoint, batch.operating_point_id)
    record_event(
        session,
        batch.reader,
        AuditAction.MODEL_CHANGE,
        f"{model.name} ({model.checkpoint_hash[:12]})",
        operating_point=f"{point.name}, threshold {point.threshold:.4f}",
        before=f"{before.model_version.name} ({before.model_version.checkpoint_hash[:12]})" if before else None,
        batch=batch.id,
    )


def record_read(session: Session, batch: tables.Batch) -> None:
    """Add the event that a batch was read, to its end or to where it was stopped."""
    model = batch.model_version
    record_event(
        session,
        batch.reader,
        AuditAction.READ,
        batch.source,
        batch=batch.id,
        files=batch.num_done,
        model=f"{model.name} ({model.checkpoint_hash[:12]})",
        state=batch.state,
    )


def list_events(desk: Desk, asked: AuditFilter = AuditFilter()) -> list[AuditRow]:
    """Return events, newest first."""
    event = tables.AuditEvent
    query = _filtered(select(event), asked).order_by(event.id.desc()).limit(asked.limit)
    with desk.reading() as session:
        return [
            AuditRow(row.id, row.created_at, row.actor, row.action, row.subject, row.detail)
            for row in session.scalars(query)
        ]


def export_trail(desk: Desk, asked: AuditFilter, actor: str | None) -> list[AuditRow]:
    """Return all events that a filter allows, to leave the desk, and add that they did."""
    events = list_events(desk, replace(asked, limit=None))
    with desk.transaction() as session:
        record_event(session, actor, AuditAction.EXPORT, "audit log", lines=len(events))
    return events


def count_events(desk: Desk, asked: AuditFilter) -> int:
    """Return how many events a filter allows, whatever its limit."""
    with desk.reading() as session:
        return session.scalar(_filtered(select(func.count(tables.AuditEvent.id)), asked)) or 0


def list_actors(desk: Desk) -> list[str]:
    """Return everybody who is named in the log, by name."""
    with desk.reading() as session:
        return list(session.scalars(select(tables.AuditEvent.actor).distinct().order_by(tables.AuditEvent.actor)))


def events_to_csv(events: Sequence[AuditRow]) -> str:
    """Return events as CSV that is harmless in a spreadsheet; moments are UTC."""
    rows = [
        {**vars(event), "when": f"{event.when:%Y-%m-%dT%H:%M:%SZ}", "detail": _on_one_line(event.detail)}
        for event in events
    ]
    return rows_to_csv(rows, CSV_COLUMNS)


def action_in_words(action: str) -> str:
    """Return what people call an action."""
    return tr(ACTION_NAMES.get(action, action))


def detail_in_words(detail: dict[str, Any]) -> str:
    """Return what an event says beyond its subject as people read it, on one line."""
    shown = dict(detail)
    if (verdict := shown.pop("verdict", None)) is not None:
        shown = {"finding": FINDINGS.get(verdict, verdict), **shown}
    return _on_one_line(
        {
            tr(DETAIL_NAMES.get(name, name)): tr(DEEDS[value]) if isinstance(value, str) and value in DEEDS else value
            for name, value in shown.items()
        }
    )


def _on_one_line(detail: dict[str, Any]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in detail.items() if value not in (None, ""))


def _filtered(query: Select[Any], asked: AuditFilter) -> Select[Any]:
    event = tables.AuditEvent
    if asked.actor:
        query = query.where(event.actor == asked.actor)
    if asked.actions:
        query = query.where(event.action.in_([action.value for action in asked.actions]))
    if asked.since:
        query = query.where(event.created_at >= asked.since)
    if asked.until:
        query = query.where(event.created_at < asked.until)
    if asked.search:
        query = query.where(event.subject.icontains(asked.search, autoescape=True))
    return query
