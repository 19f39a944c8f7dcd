"""The rules of the worklist: the newest version counts, and every version stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select

from core.errors import WorklistError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.reader_names import checked_name
from core.triage.rules import WorklistRules
from db import models as tables


@dataclass(frozen=True)
class RulesVersion:
    """One version of the rules; version 0 is what a new desk begins with."""

    version: int
    rules: WorklistRules
    author: str
    when: datetime | None


def current_rules(desk: Desk) -> RulesVersion:
    """Return the rules that count."""
    return next(iter(list_rules(desk, limit=1)), RulesVersion(0, WorklistRules(), "", None))


def list_rules(desk: Desk, limit: int | None = None) -> list[RulesVersion]:
    """Return the versions that were saved, newest first."""
    with desk.reading() as session:
        rows = session.scalars(select(tables.WorklistRules).order_by(tables.WorklistRules.id.desc()).limit(limit))
        return [
            RulesVersion(row.id, WorklistRules.model_validate(row.document), row.author, row.created_at) for row in rows
        ]


def save_rules(desk: Desk, rules: WorklistRules, author: str | None) -> int:
    """Keep a new version of the rules and return its number; rules that change nothing make none."""
    author = checked_name(author)
    before = current_rules(desk)
    if before.rules == rules:
        return before.version
    old, new = before.rules.model_dump(mode="json"), rules.model_dump(mode="json")
    changed = {name: f"{old[name]} → {value}" for name, value in new.items() if old[name] != value}
    with desk.transaction() as session:
        row = tables.WorklistRules(document=new, author=author)
        session.add(row)
        session.flush()
        record_event(session, author, AuditAction.RULES, f"version {row.id}", **changed)
        return row.id


def change_rules(desk: Desk, changes: Sequence[str], author: str | None) -> int:
    """Keep a new version of the rules with some fields changed, each as FIELD=VALUE, an empty value for none.

    Returns its number; raises WorklistError for a field that is not there and for values that are not allowed.
    """
    values = current_rules(desk).rules.model_dump()
    for change in changes:
        name, is_given, value = change.partition("=")
        if not is_given or name not in values:
            raise WorklistError(
                tr(
                    "{change!r} is no change of a rule. Say FIELD=VALUE with {values}.",
                    change=change,
                    values=", ".join(values),
                )
            )
        values[name] = value or None
    try:
        rules = WorklistRules.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{first['loc'][0]} is {first['input']!r}: " if first["loc"] else ""
        raise WorklistError(
            tr("{where}{problem}. The rules stay as they are.", where=where, problem=first["msg"].lower())
        ) from error
    return save_rules(desk, rules, author)
