"""Batches in the background: each is read by a process of its own and found again through the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.evaluation.operating_point import OperatingPoint
from core.model.card import ModelCard
from core.progress import Progress
from core.reasons import say
from core.runs.queues import BATCHES
from core.runs.work import LIVE_STATES, launch
from core.services.desk import Desk
from core.services.films.reachable import reachable_path
from core.services.models.operating_points import OWN, point_of_row
from core.services.triage.batch_reading import TriageRequest, create_batch
from core.services.triage.kept import kept_batch
from core.services.triage.warm_reader import offer_to_warm_process
from db import models as tables
from db.base import utc_now
from db.states import State


@dataclass(frozen=True)
class BatchStatus:
    """How a batch stands: state, progress, speed and time left."""

    id: str
    title: str
    state: str
    num_done: int
    num_files: int | None
    films_per_second: float | None
    seconds_left: float | None
    error: str | None
    card: ModelCard
    operating_point: OperatingPoint
    reader: str | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether it waits or is being read."""
        return self.state in {State.QUEUED.value, *LIVE_STATES}


def start_batch(desk: Desk, request: TriageRequest, batch_id: str | None = None) -> str:
    """Record a batch, have the waiting reader or a process of its own read it, and return its id, new unless given."""
    batch_id = create_batch(desk, request, batch_id)
    if not offer_to_warm_process(desk, batch_id):
        _launch(desk, batch_id)
    return batch_id


def start_server_folder(
    desk: Desk, folder: str, model: str, reader: str | None = None, operating_point: str = OWN
) -> str:
    """Start a batch over a folder or file of this machine; raises SettingsError if it lies below no allowed root."""
    path = reachable_path(desk, folder)
    return start_batch(desk, TriageRequest(paths=(path,), model=model, operating_point=operating_point, reader=reader))


def resume_batch(desk: Desk, batch_id: str) -> None:
    """Read on where a stopped, lost or failed batch ended; does nothing to any other. Raises InputNotFoundError."""
    find_lost_batches(desk)
    with desk.transaction() as session:
        kept_batch(session, batch_id)
        is_waiting = BATCHES.requeue(session, batch_id)
    if is_waiting and not offer_to_warm_process(desk, batch_id):
        _launch(desk, batch_id)


def stop_batch(desk: Desk, batch_id: str) -> None:
    """Ask a batch to stop; what was read is kept. Does nothing to a batch that has ended."""
    with desk.transaction() as session:
        BATCHES.request_stop(session, batch_id)


def get_batch(desk: Desk, batch_id: str) -> BatchStatus:
    """Return how a batch stands; raises InputNotFoundError."""
    find_lost_batches(desk)
    with desk.reading() as session:
        batch = kept_batch(session, batch_id)
        return _status(batch, _speed(session, batch))


def list_batches(desk: Desk, limit: int = 50, offset: int = 0) -> list[BatchStatus]:
    """Return batches, newest first, leaving out the `offset` newest."""
    find_lost_batches(desk)
    with desk.reading() as session:
        batches = session.scalars(
            select(tables.Batch)
            .where(tables.Batch.deleted_at.is_(None))
            .order_by(tables.Batch.created_at.desc(), tables.Batch.id)
            .limit(limit)
            .offset(offset)
        ).all()
        return [_status(batch, None) for batch in batches]


def find_lost_batches(desk: Desk) -> None:
    """Write `lost` for batches whose process is gone; takes the write lock only if there is one."""
    BATCHES.find_lost(desk.reading, desk.transaction)


def _launch(desk: Desk, batch_id: str) -> None:
    launch(["core.services.workers.batch", batch_id], desk.settings.worklists / batch_id / "log.txt")


def _status(batch: tables.Batch, speed: float | None) -> BatchStatus:
    seconds_each = 1 / speed if speed and batch.finished_at is None else None
    return BatchStatus(
        id=batch.id,
        title=batch.source,
        state=batch.state,
        num_done=batch.num_done,
        num_files=batch.num_files,
        films_per_second=speed,
        seconds_left=Progress("reading", batch.num_done, batch.num_files or 0, seconds_each=seconds_each).seconds_left,
        error=say(batch.reasons),
        card=ModelCard.model_validate(batch.model_version.card),
        operating_point=point_of_row(batch.operating_point),
        reader=batch.reader,
        created_at=batch.created_at,
        finished_at=batch.finished_at,
    )


def _speed(session: Session, batch: tables.Batch) -> float | None:
    """Return images per second since the last start; a resumed batch had read some before."""
    if batch.started_at is None:
        return None
    reading = tables.Reading
    counted = select(func.count()).where(reading.batch_id == batch.id, reading.created_at >= batch.started_at)
    seconds = ((batch.finished_at or utc_now()) - batch.started_at).total_seconds()
    return (session.scalar(counted) or 0) / seconds or None if seconds > 0 else None
