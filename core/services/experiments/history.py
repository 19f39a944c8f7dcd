"""The history of runs: filtered, searched, sorted and paged by the database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, Text, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from core.language import mark
from core.reason_words import codes_saying
from core.services.desk import Desk
from core.services.runs.control import reconcile_runs
from core.services.runs.readable import readable
from db import models as tables

SPARKLINE_METRIC = "validation_auc"
LONGEST_NUMBER = 40
"""Figures as they are stored; a whole number with more digits than a float can have would end the query."""


class RunStatusFilter(StrEnum):
    """Where a run lies."""

    CURRENT = mark("current")
    ARCHIVED = mark("archived")
    DELETED = mark("deleted")


class RunOrder(StrEnum):
    """What the history is sorted by."""

    BEGUN = mark("begun")
    NAME = mark("name")
    AUC = mark("validation AUC")
    ACCURACY = mark("validation accuracy")


class HistoryQuery(BaseModel):
    """Which runs are asked for, in which order, and which page of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(
        default="", max_length=200, description=mark("Words that name, id, note, tags, config or error must hold.")
    )
    states: tuple[str, ...] = Field(default=(), description=mark("Only runs in these states; all if empty."))
    architectures: tuple[str, ...] = Field(default=(), description=mark("Only runs with these networks; all if empty."))
    tags: tuple[str, ...] = Field(default=(), description=mark("Only runs with all of these tags."))
    starred: bool = Field(default=False, description=mark("Only starred runs."))
    shelf: RunStatusFilter = Field(
        default=RunStatusFilter.CURRENT, description=mark("Runs at hand, archived ones, or deleted ones.")
    )
    order: RunOrder = Field(default=RunOrder.BEGUN, description=mark("What the runs are sorted by."))
    ascending: bool = Field(default=False, description=mark("Smallest or oldest first."))
    offset: int = Field(default=0, ge=0, description=mark("Runs to leave out at the beginning."))
    limit: int = Field(default=100, ge=1, le=2000, description=mark("Most runs to return."))


@dataclass(frozen=True)
class RunLine:
    """One run as the history shows it; figures are of the validation fold, None where there are none."""

    id: str
    name: str
    state: str
    architecture: str
    seed: int | None
    recipe_key: str
    config: dict[str, Any]
    auc: float | None
    auc_interval: tuple[float, float] | None
    accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    best_epoch: int | None
    num_epochs: int
    created_at: datetime
    finished_at: datetime | None
    starred: bool
    note: str
    tags: tuple[str, ...]
    sparkline: tuple[float | None, ...]
    cohort_fingerprint: str
    checkpoint_hash: str | None
    error: str | None
    imported: bool = False


@dataclass(frozen=True)
class HistoryPage:
    """One page of the history, and how many runs match and exist."""

    lines: tuple[RunLine, ...]
    num_found: int
    num_all: int


def search_runs(desk: Desk, query: HistoryQuery, *, with_curves: bool = True) -> HistoryPage:
    """Return the runs that a query asks for; without curves there are no sparklines, and no epochs counted by them."""
    reconcile_runs(desk)
    with desk.reading() as session:
        database = session.get_bind().dialect.name
        found = _filtered(query, database)
        num_found = session.scalar(select(func.count()).select_from(found.subquery())) or 0
        num_all = session.scalar(select(func.count()).select_from(tables.Run)) or 0
        ordered = found.order_by(*_ordering(query, database))
        rows = session.execute(ordered.offset(query.offset).limit(query.limit)).all()
        ids = [run.id for run, _ in rows]
        tags, curves = _tags(session, ids), _curves(session, ids) if with_curves else {}
        imported = set(
            session.scalars(select(tables.ImportedRecord.run_id).where(tables.ImportedRecord.run_id.in_(ids)))
        )
    lines = tuple(
        replace(_line(run, note, tags.get(run.id, ()), curves.get(run.id, ())), imported=run.id in imported)
        for run, note in rows
    )
    return HistoryPage(lines, num_found, num_all)


def known_tags(desk: Desk) -> list[str]:
    """Return every tag in use."""
    with desk.reading() as session:
        return list(session.scalars(select(tables.RunTag.tag).distinct().order_by(tables.RunTag.tag)))


def _filtered(query: HistoryQuery, database: str) -> Select[tables.Run, tables.RunAnnotation]:
    run, note = tables.Run, tables.RunAnnotation
    found = select(run, note).outerjoin(note, note.run_id == run.id)
    shelves = {
        RunStatusFilter.CURRENT: and_(note.archived_at.is_(None), note.deleted_at.is_(None)),
        RunStatusFilter.ARCHIVED: and_(note.archived_at.is_not(None), note.deleted_at.is_(None)),
        RunStatusFilter.DELETED: note.deleted_at.is_not(None),
    }
    found = found.where(shelves[query.shelf])
    if query.states:
        found = found.where(run.state.in_(query.states))
    if query.architectures:
        architecture = case((_can_be_parsed(run.config, database), run.config["architecture"].as_string()))
        found = found.where(architecture.in_(query.architectures))
    if query.starred:
        found = found.where(note.starred)
    for tag in query.tags:
        found = found.where(exists().where(tables.RunTag.run_id == run.id, tables.RunTag.tag == tag))
    for word in query.text.split():
        found = found.where(_holds(word))
    return found


def _holds(word: str) -> ColumnElement[bool]:
    """Return whether any text about a run holds a word, in any case."""
    texts = (
        *(tables.Run.name, tables.Run.id, tables.Run.cohort_fingerprint),
        *(tables.Run.checkpoint_hash, tables.RunAnnotation.note, cast(tables.Run.config, Text)),
    )
    reasons = cast(tables.Run.reasons, Text)
    # What a sentence says is not stored, but which code says it, and values as JSON writes them.
    said = [and_(*(reasons.contains(f'"{part}"', autoescape=True) for part in parts)) for parts in codes_saying(word)]
    ended = [*said, reasons.icontains(json.dumps(word)[1:-1], autoescape=True)]
    tagged = exists().where(tables.RunTag.run_id == tables.Run.id, tables.RunTag.tag.icontains(word, autoescape=True))
    return or_(tagged, *ended, *(text.icontains(word, autoescape=True) for text in texts))


def _ordering(query: HistoryQuery, database: str) -> tuple[ColumnElement[Any], ...]:
    column = {
        RunOrder.BEGUN: tables.Run.created_at,
        RunOrder.NAME: func.lower(tables.Run.name),
        RunOrder.AUC: _fraction("auc", database),
        RunOrder.ACCURACY: _fraction("accuracy", database),
    }[query.order]
    chosen = column.asc() if query.ascending else column.desc()
    tie = tables.Run.id.asc() if query.ascending else tables.Run.id.desc()
    # Runs without the figure, or with one that cannot be shown, stand last, whichever way.
    return (chosen.nulls_last(), tie) if query.order in (RunOrder.AUC, RunOrder.ACCURACY) else (chosen, tie)


def _fraction(name: str, database: str) -> ColumnElement[Any]:
    """Return a validation figure where it is a number from 0 to 1, as it is shown, else NULL: anything may be there."""
    figure = tables.Run.summary["metrics"]["validation"][name]
    if database == "postgresql":
        is_number = func.json_typeof(figure) == "number"
    else:
        is_number = func.json_type(tables.Run.summary, f"$.metrics.validation.{name}").in_(("integer", "real"))
    is_short = func.length(figure.as_string()) <= LONGEST_NUMBER
    # A condition in a CASE of its own is looked at before what depends on it is computed.
    number = case(
        (_can_be_parsed(tables.Run.summary, database), case((is_number, case((is_short, figure.as_float())))))
    )
    return case((number.between(0, 1), number))


def _can_be_parsed(document: ColumnElement[Any] | InstrumentedAttribute[Any], database: str) -> ColumnElement[bool]:
    """Return whether the database itself can look into a stored document: not into NaN, nor beside a character 0."""
    if database == "postgresql":
        return func.strpos(cast(document, Text), r"\u0000") == 0
    return func.json_valid(document) == 1


def _tags(session: Session, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    rows = session.execute(
        select(tables.RunTag.run_id, tables.RunTag.tag).where(tables.RunTag.run_id.in_(ids)).order_by(tables.RunTag.tag)
    )
    for run_id, tag in rows:
        found[run_id] = (*found.get(run_id, ()), tag)
    return found


def _curves(session: Session, ids: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
    metric = tables.RunMetric
    rows = session.execute(
        select(metric.run_id, metric.value)
        .where(metric.run_id.in_(ids), metric.name == SPARKLINE_METRIC)
        .order_by(metric.run_id, metric.epoch)
    )
    found: dict[str, list[float | None]] = {}
    for run_id, value in rows:
        found.setdefault(run_id, []).append(value)
    return {run_id: tuple(values) for run_id, values in found.items()}


def _line(
    run: tables.Run, annotation: tables.RunAnnotation | None, tags: tuple[str, ...], curve: tuple[float | None, ...]
) -> RunLine:
    shown = readable(run)
    summary, config = shown.summary, shown.config
    figures = summary.get("metrics", {}).get("validation", {})
    recipe = {name: value for name, value in config.items() if name != "seed"}
    interval = figures.get("ci", {}).get("auc")
    return RunLine(
        id=run.id,
        name=run.name,
        state=run.state,
        architecture=str(config.get("architecture", "")),
        seed=config.get("seed"),
        recipe_key=json.dumps([run.cohort_fingerprint, run.split_fingerprint, recipe], sort_keys=True),
        config=config,
        auc=figures.get("auc"),
        auc_interval=tuple(interval) if interval else None,
        accuracy=figures.get("accuracy"),
        sensitivity=figures.get("sensitivity"),
        specificity=figures.get("specificity"),
        best_epoch=summary.get("best_epoch"),
        num_epochs=len(curve) or summary.get("num_epochs", 0),
        created_at=run.created_at,
        finished_at=run.finished_at,
        starred=bool(annotation and annotation.starred),
        note=annotation.note if annotation else "",
        tags=tags,
        sparkline=curve,
        cohort_fingerprint=run.cohort_fingerprint,
        checkpoint_hash=run.checkpoint_hash,
        error=shown.error,
    )
