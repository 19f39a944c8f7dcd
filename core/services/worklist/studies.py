"""The worklist over all batches: one row for each study, in the order of the rules."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd
from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from core.errors import InputNotFoundError
from core.language import mark, tr
from core.reasons import limits_of, read_aloud, read_remarks
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.reader_names import checked_name
from core.services.triage.kept import READING_GONE, kept_batches
from core.services.worklist.rules import current_rules
from core.services.worklist.same_images import find_same_images
from core.services.worklist.verdicts import current_ids
from core.triage.ai_result import AIResult, ai_result
from core.triage.rules import WorklistRules, place_studies
from db import models as tables
from db.base import utc_now

READING_FIELDS = (
    *("study", "batch_id", "file", "status", "reason", "reasons", "probability", "finding", "gate_distance"),
    *("source_path", "source_member", "taken_over_from", "file_hash", "patient"),
)
BANDS = ("urgent", "review", "routine")
NOT_READ = ("rejected", "failed")


class Show(StrEnum):
    """Which studies a reader wants to see."""

    TO_READ = mark("unread")
    MINE = mark("assigned to me")
    JUDGED = mark("read by me")
    SECOND = mark("awaiting second read")
    ALL = mark("all")


class SortBy(StrEnum):
    """In which order."""

    URGENCY = mark("reading order")
    WAITING = mark("longest waiting")
    NEWEST = mark("newest")
    PROBABILITY = mark("AI score")
    FILE = mark("file name")


@dataclass(frozen=True)
class StudyFilter:
    """What a reader sees of the worklist."""

    show: Show = Show.TO_READ
    bands: tuple[str, ...] = ()
    assigned_to: str = ""
    search: str = ""
    sort_by: SortBy = SortBy.URGENCY


@dataclass(frozen=True)
class Worklist:
    """Studies in reading order, the verdicts that count, and the rules that placed them, with their version.

    `studies` has the columns of a reading and study, reading_id, batch, model, ai_result, remark (reasons beyond the
    score, in words), received_at, waited_hours, rank (from 1), band, is_lifted, is_judged, num_readers, assigned_to,
    same_image_as (in words). `verdicts` has study, reader, verdict, note, id, created_at.
    """

    studies: pd.DataFrame
    verdicts: pd.DataFrame
    rules: WorklistRules
    rules_version: int


@dataclass(frozen=True)
class Place:
    """The band that a version of the rules puts a study into, and whether only for its waiting."""

    band: str
    is_lifted: bool
    rules_version: int


def has_readings(desk: Desk) -> bool:
    """Return whether anything was ever read and kept."""
    with desk.reading() as session:
        kept = tables.Reading.batch_id.in_(kept_batches())
        return session.scalar(select(tables.Reading.id).where(kept).limit(1)) is not None


def readings_version(desk: Desk) -> tuple[int, ...]:
    """Return numbers that change whenever a reading comes or goes."""
    return (*_counts(desk, tables.Reading), *_deletions(desk))


def worklist_version(desk: Desk) -> tuple[int, ...]:
    """Return numbers that change whenever the worklist does, but for the time that passes."""
    return (*readings_version(desk), *_counts(desk, tables.Verdict, tables.Assignment, tables.WorklistRules))


def load_worklist(desk: Desk, batch_id: str | None = None, *, now: datetime | None = None) -> Worklist:
    """Return the studies of all batches or of one, each with its newest reading, in reading order."""
    return arrange_studies(desk, load_studies(desk, batch_id), now=now)


def place_reading(desk: Desk, reading_id: int) -> Place:
    """Return where the rules put one reading; raises InputNotFoundError."""
    reading = tables.Reading
    this = select(reading.id).where(reading.id == reading_id, reading.batch_id.in_(kept_batches()))
    placed = arrange_studies(desk, _load(desk, this))
    if placed.studies.empty:
        raise InputNotFoundError(tr(READING_GONE))
    row = placed.studies.iloc[0]
    return Place(str(row["band"]), bool(row["is_lifted"]), placed.rules_version)


def count_bands(desk: Desk, batch_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return, for each batch, its studies by band, and how many among them were rejected or failed."""
    reading = tables.Reading
    newest = select(func.max(reading.id)).where(reading.batch_id.in_(batch_ids))
    studies = arrange_studies(desk, _load(desk, newest.group_by(reading.batch_id, reading.study))).studies
    groups = dict(iter(studies.groupby("batch_id")))
    return {batch_id: counts_of(groups.get(batch_id, studies.iloc[:0])) for batch_id in batch_ids}


def count_results(desk: Desk, batch_ids: Sequence[str]) -> dict[str, dict[AIResult, int]]:
    """Return, for each batch, how many of its studies have which AI result."""
    reading = tables.Reading
    newest = select(func.max(reading.id)).where(reading.batch_id.in_(batch_ids))
    newest = newest.group_by(reading.batch_id, reading.study)
    counted = select(reading.batch_id, reading.status, reading.finding, func.count())
    counts = {batch_id: dict.fromkeys(AIResult, 0) for batch_id in batch_ids}
    with desk.reading() as session:
        rows = session.execute(
            counted.where(reading.id.in_(newest)).group_by(reading.batch_id, reading.status, reading.finding)
        )
        for batch_id, status, finding, count in rows:
            counts[batch_id][ai_result(status, finding)] += count
    return counts


def counts_of(studies: pd.DataFrame) -> dict[str, int]:
    """Return how many studies of a worklist are in each band, and how many among them were rejected or failed."""
    counts = {**studies["band"].value_counts(), **studies["status"].value_counts()}
    return {name: int(counts.get(name, 0)) for name in (*BANDS, *NOT_READ)}


def load_studies(desk: Desk, batch_id: str | None = None) -> pd.DataFrame:
    """Return each study of all batches or of one with its newest reading, in no order; the slow part of the list."""
    reading = tables.Reading
    newest = select(func.max(reading.id)).where(reading.batch_id.in_(kept_batches())).group_by(reading.study)
    if batch_id is None:
        studies, same = _load(desk, newest), find_same_images(desk)
    else:
        studies = _load(desk, newest.where(reading.batch_id == batch_id))
        same = find_same_images(desk, select(reading.study).where(reading.batch_id == batch_id))
    words = [same.words(study, file) for study, file in zip(studies["study"], studies["file"], strict=True)]
    return studies.assign(same_image_as=pd.Series(words, dtype=object))


def _load(desk: Desk, reading_ids: Select[int]) -> pd.DataFrame:
    """Return the readings that a query names, as they came, with what placing them needs."""
    reading, any_reading = tables.Reading, aliased(tables.Reading)
    received_at = (
        select(func.min(any_reading.created_at))
        .where(any_reading.study == reading.study, any_reading.batch_id.in_(kept_batches()))
        .scalar_subquery()
    )
    query = (
        select(reading.id, *(getattr(reading, name) for name in READING_FIELDS), received_at)
        .where(reading.id.in_(reading_ids))
        .order_by(reading.id)
    )
    with desk.reading() as session:
        rows = [tuple(row) for row in session.execute(query)]
        batches = {
            row.id: (row.source, row.model_version.name, _gate_limit(row.model_version.card))
            for row in session.scalars(select(tables.Batch))
        }
    studies = pd.DataFrame(rows, columns=["reading_id", *READING_FIELDS, "received_at"], dtype=object)
    of_batch = [batches.get(key, ("", "", None)) for key in studies["batch_id"]]
    reasons = list(zip(studies["reasons"], studies["reason"], strict=True))
    results = [ai_result(*one) for one in zip(studies["status"], studies["finding"], strict=True)]
    return studies.drop(columns="reasons").assign(
        ai_result=pd.Series(results, dtype=object),
        reason=pd.Series([read_aloud(kept, old) for kept, old in reasons], dtype=object),
        remark=pd.Series([read_remarks(kept, old) for kept, old in reasons], dtype=object),
        reading_id=studies["reading_id"].astype(int),
        batch=pd.Series([title for title, _, _ in of_batch], dtype=object),
        model=pd.Series([model for _, model, _ in of_batch], dtype=object),
        limits=pd.Series([limits_of(kept) for kept, _ in reasons], dtype=object),
        gate_limit=pd.Series([limit for _, _, limit in of_batch], dtype=float),
        probability=studies["probability"].astype(float),
        gate_distance=studies["gate_distance"].astype(float),
        received_at=pd.to_datetime(studies["received_at"], utc=True),
    )


def arrange_studies(desk: Desk, studies: pd.DataFrame, *, now: datetime | None = None) -> Worklist:
    """Return studies from `load_studies` as a worklist, with what readers have said of them by now.

    Waiting is counted to the last full minute, so that lists that were made within one minute agree.
    """
    in_force = current_rules(desk)
    rules = in_force.rules
    minute = pd.Timestamp(now or utc_now()).floor("min")
    verdict, assignment = tables.Verdict, tables.Assignment
    columns = ("study", "reader", "verdict", "note", "id", "created_at")
    newest = select(func.max(assignment.id)).group_by(assignment.study)
    with desk.reading() as session:
        said = session.execute(
            select(*(getattr(verdict, name) for name in columns))
            .where(verdict.id.in_(current_ids()))
            .order_by(verdict.id)
        )
        verdicts = pd.DataFrame([tuple(row) for row in said], columns=columns, dtype=object)
        rows = session.execute(select(assignment.study, assignment.assigned_to).where(assignment.id.in_(newest)))
        assigned = dict(rows.all())
    num_readers = Counter(verdicts["study"])
    keys = studies["study"].tolist()
    received = studies["received_at"]
    studies = studies.assign(
        num_readers=[num_readers[key] for key in keys],
        is_judged=[key in num_readers for key in keys],
        assigned_to=pd.Series([assigned.get(key) or "" for key in keys], dtype=object),
        waited_hours=((minute - received).dt.total_seconds() / 3600).clip(lower=0),
    )
    placed = place_studies(studies, rules)
    studies = studies.assign(band=pd.Series(placed.bands_N, dtype=object), is_lifted=placed.is_lifted_N)
    ordered = studies.iloc[placed.order_N].reset_index(drop=True)
    return Worklist(ordered.assign(rank=range(1, len(ordered) + 1)), verdicts, rules, in_force.version)


def select_studies(worklist: Worklist, asked: StudyFilter, reader: str | None) -> pd.DataFrame:
    """Return the studies that a filter lets through, in its order."""
    studies = worklist.studies
    mine = set(worklist.verdicts.loc[worklist.verdicts["reader"] == reader, "study"])
    is_mine = studies["study"].isin(mine)
    keep = pd.Series(True, index=studies.index)
    match asked.show:
        case Show.TO_READ:
            keep = ~studies["is_judged"]
        case Show.MINE:
            keep = ~is_mine & (studies["assigned_to"] == (reader or ""))
        case Show.JUDGED:
            keep = is_mine
        case Show.SECOND:
            keep = studies["is_judged"] & ~is_mine
    if asked.bands:
        keep &= studies["band"].isin(asked.bands)
    if asked.assigned_to:
        keep &= studies["assigned_to"] == asked.assigned_to
    if asked.search:
        keep &= studies["file"].str.contains(asked.search, case=False, regex=False)
    shown = studies[keep]
    order = {
        SortBy.WAITING: (["received_at", "file"], [True, True]),
        SortBy.NEWEST: (["received_at", "file"], [False, True]),
        SortBy.PROBABILITY: (["probability", "file"], [False, True]),
        SortBy.FILE: (["file"], [True]),
    }.get(asked.sort_by)
    if order is not None:
        shown = shown.sort_values(order[0], ascending=order[1], kind="stable")
    return shown.reset_index(drop=True)


def assign_studies(desk: Desk, studies: Sequence[str], assigned_to: str | None, assigned_by: str | None) -> None:
    """Give studies to a reader, or with no name to nobody; earlier assignments stay in the history."""
    assigned_by = checked_name(assigned_by)
    name = checked_name(assigned_to) if assigned_to else None
    with desk.transaction() as session:
        session.add_all(tables.Assignment(study=study, assigned_to=name, assigned_by=assigned_by) for study in studies)
        record_event(
            session,
            assigned_by,
            AuditAction.ASSIGNMENT,
            f"{len(studies)} studies" if len(studies) != 1 else f"study {studies[0][:16]}",
            assigned_to=name or "nobody",
        )


def resolve_studies(desk: Desk, names: Sequence[str]) -> list[str]:
    """Return the studies that are named by their hashes or the beginnings of them; raises InputNotFoundError."""
    reading = tables.Reading
    found = []
    with desk.reading() as session:
        for name in names:
            same = reading.study.startswith(name, autoescape=True)
            studies = session.scalars(select(reading.study).where(same).distinct().limit(2)).all() if name else []
            if len(studies) != 1:
                raise InputNotFoundError(
                    tr("More than one study begins with {name!r}. `worklist list --json` names them all.", name=name)
                    if studies
                    else tr("There is no study {name!r}. `worklist list --json` names them all.", name=name)
                )
            found.append(studies[0])
    return found


def _counts(desk: Desk, *counted: type) -> tuple[int, ...]:
    with desk.reading() as session:
        pairs = [session.execute(select(func.count(table.id), func.max(table.id))).one() for table in counted]
    return tuple(number or 0 for pair in pairs for number in pair)


def _deletions(desk: Desk) -> tuple[int, int]:
    """Return how many batches are deleted and the last moment, in microseconds: a restored one changes either."""
    deleted_at = tables.Batch.deleted_at
    with desk.reading() as session:
        number, last = session.execute(select(func.count(deleted_at), func.max(deleted_at))).one()
    return number, int(last.timestamp() * 1e6) if last else 0


def _gate_limit(card: dict[str, object]) -> float | None:
    gate = card.get("gate")
    return gate["threshold"] if isinstance(gate, dict) else None
