"""Deleting a batch: asked for by its name, hidden at once, gone for good a day later, restored until then."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError, WorklistError
from core.language import tr
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.storage import measure_folder
from core.services.triage.batches import find_lost_batches
from core.services.triage.kept import kept_batch
from db import models as tables
from db.base import utc_now
from db.states import State

UNDO_PERIOD = timedelta(hours=24)
STUDIES_AT_ONCE = 500


@dataclass(frozen=True)
class Deletion:
    """What a deletion takes away: readings, readers' findings on studies that no other batch has, bytes of files."""

    title: str
    num_readings: int
    num_verdicts: int
    num_bytes: int

    @property
    def words(self) -> str:
        """The counts in words."""
        size = f"{self.num_bytes / 1e6:.1f} MB of uploaded images and heatmaps"
        return f"{self.num_readings:,} AI results, {self.num_verdicts:,} readers' findings, {size}"


@dataclass(frozen=True)
class DeletedBatch:
    """A batch that was deleted and can still be restored."""

    id: str
    title: str
    deleted_at: datetime
    num_files: int

    @property
    def gone_at(self) -> datetime:
        """When it is deleted for good."""
        return self.deleted_at + UNDO_PERIOD


def describe_deletion(desk: Desk, batch_id: str) -> Deletion:
    """Return what deleting a batch takes away; raises InputNotFoundError, and WorklistError while it is analysed."""
    find_lost_batches(desk)
    with desk.reading() as session:
        batch = _deletable(session, batch_id)
        folders = _folders(desk, session, batch)
        title, (num_readings, num_verdicts) = batch.source, _count_rows(session, batch_id)
    return Deletion(title, num_readings, num_verdicts, sum(measure_folder(folder)[0] for folder in folders))


def delete_batch(desk: Desk, batch_id: str, name: str, actor: str | None) -> Deletion:
    """Delete a batch that is named by its title: it leaves every list now, and the disk after UNDO_PERIOD.

    Returns what goes with it. Images in folders of the server are never touched. Raises InputNotFoundError, and
    WorklistError for another name or while the batch is analysed.
    """
    planned = describe_deletion(desk, batch_id)
    if name.strip() != planned.title.strip():
        raise WorklistError(
            tr(
                "The batch is called {title!r}, not {given_name!r}: it stays. Deleting it takes away {contents}. "
                "Give its name to delete it.",
                title=planned.title,
                given_name=name.strip(),
                contents=planned.words,
            )
        )
    return hide_batch(desk, batch_id, actor)


def hide_batch(desk: Desk, batch_id: str, actor: str | None, older_than_days: int | None = None) -> Deletion:
    """Take a batch off every list, to be purged after UNDO_PERIOD; raises as `describe_deletion` does.

    `older_than_days` is the rule that deletes it, None where a person does.
    """
    planned = describe_deletion(desk, batch_id)
    with desk.transaction() as session:
        batch = _deletable(session, batch_id)
        batch.deleted_at = now = utc_now()
        _record(session, batch, actor, planned, older_than_days=older_than_days, can_be_restored_until=_moment(now))
    return planned


def restore_batch(desk: Desk, batch_id: str, actor: str | None) -> str:
    """Bring a deleted batch back with all that readers said, and return its title; raises InputNotFoundError.

    Once its day is over it is being deleted for good, and raises WorklistError.
    """
    with desk.transaction() as session:
        batch, deleted_at = _deleted(session, batch_id)
        if utc_now() >= deleted_at + UNDO_PERIOD:
            raise WorklistError(
                tr("{source!r} was deleted over a day ago and can no longer be restored.", source=batch.source)
            )
        batch.deleted_at = None
        record_event(session, actor, AuditAction.UNDO, batch.source, batch=batch_id, undone="deletion")
        return batch.source


def list_deleted(desk: Desk) -> list[DeletedBatch]:
    """Return the batches that can be restored, the last deleted first."""
    batch = tables.Batch
    deleted = select(batch).where(batch.deleted_at.is_not(None)).order_by(batch.deleted_at.desc(), batch.id)
    with desk.reading() as session:
        return [
            DeletedBatch(row.id, row.source, row.deleted_at, row.num_files or 0)
            for row in session.scalars(deleted)
            if row.deleted_at is not None
        ]


def purge_batch(desk: Desk, batch_id: str, actor: str | None) -> None:
    """Delete a deleted batch for good: readings, heatmaps, uploads, and the verdicts on studies that no other has.

    The files go first, so that a crash in between leaves a batch that can be purged again and never files that nobody
    knows of. Raises InputNotFoundError for a batch that was not deleted, and WorklistError if files cannot be removed.
    """
    with desk.transaction() as session:
        batch, deleted_at = _deleted(session, batch_id)
        # From now on nobody can restore it: its files go first.
        batch.deleted_at = min(deleted_at, utc_now() - UNDO_PERIOD)
        folders = _folders(desk, session, batch)
    num_bytes = sum(measure_folder(folder)[0] for folder in folders)
    for folder in folders:
        _remove(folder)
    with desk.transaction() as session:
        batch, _ = _deleted(session, batch_id)
        num_readings, num_verdicts = _count_rows(session, batch_id)
        for studies in _parts(_studies_of_none_other(session, batch_id)):
            for table in (tables.Verdict, tables.Assignment):
                session.execute(delete(table).where(table.study.in_(studies)))
        gone = Deletion(batch.source, num_readings, num_verdicts, num_bytes)
        _record(session, batch, actor, gone, what="for good")
        session.delete(batch)


def purge_deleted(desk: Desk, now: datetime | None = None) -> int:
    """Delete for good what was deleted longer than UNDO_PERIOD ago, and return how many batches.

    One that cannot be purged holds up no other; raises its WorklistError at the end.
    """
    num_purged, problem = 0, None
    for batch in list_deleted(desk):
        if (now or utc_now()) < batch.gone_at:
            continue
        try:
            purge_batch(desk, batch.id, "undo period")
        except InputNotFoundError:
            # Another process of the desk was faster, or it was restored at this moment.
            continue
        except WorklistError as error:
            problem = problem or error
            continue
        num_purged += 1
    if problem:
        raise problem
    return num_purged


def _deletable(session: Session, batch_id: str) -> tables.Batch:
    batch = kept_batch(session, batch_id)
    if batch.state in {State.QUEUED.value, *LIVE_STATES}:
        raise WorklistError(tr("This batch is being read. Stop it first, then delete it."))
    return batch


def _deleted(session: Session, batch_id: str) -> tuple[tables.Batch, datetime]:
    batch = session.get(tables.Batch, batch_id)
    if batch is None or batch.deleted_at is None:
        raise InputNotFoundError(
            tr("There is no deleted batch {batch_id!r}. It may be restored, or gone for good.", batch_id=batch_id)
        )
    return batch, batch.deleted_at


def _count_rows(session: Session, batch_id: str) -> tuple[int, int]:
    """Return the readings of a batch, and the verdicts on studies that no other batch has."""
    reading, verdict = tables.Reading, tables.Verdict
    num_readings = session.scalar(select(func.count()).where(reading.batch_id == batch_id)) or 0
    num_verdicts = 0
    for studies in _parts(_studies_of_none_other(session, batch_id)):
        given = select(func.count()).where(verdict.study.in_(studies), verdict.verdict.is_not(None))
        num_verdicts += session.scalar(given) or 0
    return num_readings, num_verdicts


def _studies_of_none_other(session: Session, batch_id: str) -> list[str]:
    """Return the studies that no other batch has, also none that was deleted and can be restored.

    Among them are contents, by which studies were named before: findings of which nobody can tell to which of several
    studies they belong go with the last file of their content.
    """
    reading, found = tables.Reading, set()
    for column in (reading.study, reading.file_hash):
        mine = select(column).where(reading.batch_id == batch_id, column.is_not(None))
        shared = select(column).where(reading.batch_id != batch_id, column.in_(mine))
        found |= set(session.scalars(mine)) - set(session.scalars(shared))
    return sorted(found)


def _folders(desk: Desk, session: Session, batch: tables.Batch) -> list[Path]:
    """Return the folders that go with a batch: its own, and the uploads that only it was read from."""
    others = session.scalars(select(tables.Batch.request).where(tables.Batch.id != batch.id))
    elsewhere = {path for request in others for path in request.get("paths", ())}
    uploads = desk.settings.uploads.absolute()
    own = [Path(path) for path in batch.request.get("paths", ()) if path not in elsewhere]
    # The folder below `uploads`, which also holds what the upload itself needed.
    own_uploads = [
        uploads / path.relative_to(uploads).parts[0]
        for path in own
        if path.is_relative_to(uploads) and path != uploads and ".." not in path.parts
    ]
    return [desk.settings.worklists / batch.id, *own_uploads]


def _record(
    session: Session, batch: tables.Batch, actor: str | None, gone: Deletion, **detail: str | int | None
) -> None:
    record_event(
        session,
        actor,
        AuditAction.DELETION,
        batch.source,
        batch=batch.id,
        readings=gone.num_readings,
        verdicts=gone.num_verdicts,
        megabytes=round(gone.num_bytes / 1e6, 1),
        **detail,
    )


def _moment(deleted_at: datetime) -> str:
    return f"{deleted_at + UNDO_PERIOD:%Y-%m-%d %H:%M} UTC"


def _parts(studies: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(studies), STUDIES_AT_ONCE):
        yield studies[first : first + STUDIES_AT_ONCE]


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorklistError(
            tr(
                "{filename} cannot be removed ({strerror}). The batch is on no list any more, and is deleted for good "
                "once this user may write there.",
                filename=error.filename or folder,
                strerror=error.strerror,
            )
        ) from error
