"""Imports in the background: a folder, a zip, a download or synthetic images become a dataset that opens at once."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from core.errors import InputNotFoundError, SettingsError, WorkTakenOverError
from core.language import mark, tr
from core.progress import Progress, mean_seconds
from core.radiograph.phantom import is_marked_as_drawn
from core.reasons import Reason, say
from core.runs.heartbeat import Heartbeat
from core.runs.queues import IMPORTS
from core.runs.work import LIVE_STATES, launch
from core.services.datasets.dataset import examine
from core.services.datasets.sources import draw_cohort, fetch_standard_cohort, unpack_cohort
from core.services.desk import Desk
from core.services.films.reachable import is_reachable
from core.work_reasons import ImportTakenOver, why_of
from db import models as tables
from db.base import num_changed, utc_now
from db.clock import database_now
from db.states import State


class Origin(StrEnum):
    """Where the images of a dataset come from."""

    FOLDER = "folder"
    UPLOAD = "upload"
    KAGGLE = "kaggle"
    PHANTOMS = "phantoms"


class ExaminationRequest(BaseModel):
    """What is to be examined."""

    model_config = ConfigDict(frozen=True)

    origin: Origin = Origin.FOLDER
    path: Path | None = Field(default=None, description=mark("The folder, or the folder of an upload."))
    reader: str | None = Field(default=None, description=mark("Who asked for it."))


@dataclass(frozen=True)
class ExaminationStatus:
    """How an examination stands."""

    id: str
    root: Path
    origin: Origin
    state: str
    stage: str
    num_done: int
    num_files: int
    cohort_fingerprint: str | None
    error: str | None
    created_at: datetime
    seconds_left: float | None

    @property
    def is_live(self) -> bool:
        """Whether it waits or is under way."""
        return self.state in {State.QUEUED.value, *LIVE_STATES}

    @property
    def is_synthetic(self) -> bool:
        """Whether its images are drawn, not taken."""
        return self.origin is Origin.PHANTOMS or is_marked_as_drawn(self.root)


class StoppedError(Exception):
    """A stop was asked for."""


def start_examination(desk: Desk, request: ExaminationRequest) -> str:
    """Record an examination, start the process that does it, and return its id; raises SettingsError for a folder
    outside the allowed roots and InputNotFoundError for one that is not there.
    """
    return _start(desk, _root_of(desk, request), request.origin, request.reader)


def start_anew(desk: Desk, examination_id: str, reader: str | None = None) -> str:
    """Examine the folder of an examination once more, wherever its images came from, and return the new one's id.

    Images that lie there are neither sent, downloaded nor drawn again. Raises InputNotFoundError.
    """
    before = get_examination(desk, examination_id)
    return _start(desk, before.root, before.origin, reader)


def _start(desk: Desk, root: Path, origin: Origin, reader: str | None) -> str:
    examination_id = uuid.uuid4().hex[:12]
    with desk.transaction() as session:
        session.add(
            tables.Examination(
                id=examination_id,
                root=str(root),
                origin=origin.value,
                reader=reader,
                heartbeat_at=database_now(session),
            )
        )
    _launch(desk, examination_id)
    return examination_id


def examine_again(desk: Desk, examination_id: str) -> None:
    """Take up an examination that was stopped, lost or failed; what was read before is not read again."""
    _find_lost(desk)
    with desk.transaction() as session:
        is_waiting = IMPORTS.requeue(session, examination_id)
    if is_waiting:
        _launch(desk, examination_id)


def stop_examination(desk: Desk, examination_id: str) -> None:
    """Ask an examination to stop; does nothing to one that has ended."""
    with desk.transaction() as session:
        IMPORTS.request_stop(session, examination_id)


def get_examination(desk: Desk, examination_id: str) -> ExaminationStatus:
    """Return how an examination stands; raises InputNotFoundError."""
    _find_lost(desk)
    with desk.reading() as session:
        row = session.get(tables.Examination, examination_id)
        if row is None:
            raise InputNotFoundError(
                tr("There is no dataset {examination_id!r}. It may have been removed.", examination_id=examination_id)
            )
        return _status(row)


def list_examinations(desk: Desk, limit: int = 100) -> list[ExaminationStatus]:
    """Return the newest examination of each folder, newest first."""
    _find_lost(desk)
    with desk.reading() as session:
        rows = session.scalars(
            select(tables.Examination).order_by(tables.Examination.created_at.desc()).limit(limit)
        ).all()
    newest: dict[str, ExaminationStatus] = {}
    for row in rows:
        newest.setdefault(row.root, _status(row))
    return list(newest.values())


def work_on_examination(desk: Desk, examination_id: str) -> None:
    """Carry out an examination in this process; one that another process works on is left to it."""
    with desk.transaction() as session:
        if not IMPORTS.claim(session, examination_id):
            return
    try:
        with Heartbeat(desk.transaction, IMPORTS, examination_id) as heartbeat:
            fingerprint = _work(desk, examination_id, heartbeat)
    except StoppedError:
        _end(desk, examination_id, State.STOPPED)
    except BaseException as error:
        state = State.STOPPED if isinstance(error, KeyboardInterrupt) else State.FAILED
        _end(desk, examination_id, state, why_of(error))
        raise
    else:
        _store(desk, examination_id, cohort_fingerprint=fingerprint)
        _end(desk, examination_id, State.COMPLETED)


def _work(desk: Desk, examination_id: str, heartbeat: Heartbeat) -> str:
    with desk.reading() as session:
        row = session.get_one(tables.Examination, examination_id)
        origin, root = Origin(row.origin), Path(row.root)

    def on_progress(now: Progress) -> None:
        if heartbeat.should_stop:
            raise StoppedError
        _store(desk, examination_id, stage=now.stage, num_done=now.num_done, num_files=now.num_all)

    match origin:
        case Origin.PHANTOMS:
            draw_cohort(root, on_progress)
        case Origin.KAGGLE if not root.is_dir():
            on_progress(Progress("downloading", 0, 0))
            root = fetch_standard_cohort()
            _store(desk, examination_id, root=str(root))
        case Origin.UPLOAD:
            root = unpack_cohort(desk, root, on_progress)
            _store(desk, examination_id, root=str(root))
    return examine(desk, root, on_progress).fingerprint


def _root_of(desk: Desk, request: ExaminationRequest) -> Path:
    match request.origin:
        case Origin.PHANTOMS:
            return desk.settings.home / "phantom_cohort"
        case Origin.KAGGLE:
            return desk.settings.home / "kaggle"
        case Origin.UPLOAD if request.path is not None:
            return request.path
    if request.path is None or not request.path.expanduser().is_absolute():
        raise SettingsError(tr("Give the full path of a folder."))
    path = request.path.expanduser().resolve()
    if not is_reachable(desk, path):
        raise SettingsError(
            tr(
                "Folders below {roots} may be examined. Give one there, or let PNEUMODESK_FILM_ROOTS name more.",
                roots=" and ".join(map(str, desk.settings.allowed_film_roots)),
            )
        )
    if not path.is_dir():
        raise InputNotFoundError(tr("There is no folder {path}.", path=path))
    return path


def _launch(desk: Desk, examination_id: str) -> None:
    launch(
        ["core.services.workers.dataset_import", examination_id], desk.settings.home / "logs" / f"{examination_id}.txt"
    )


def _find_lost(desk: Desk) -> None:
    IMPORTS.find_lost(desk.reading, desk.transaction)


def _status(row: tables.Examination) -> ExaminationStatus:
    seconds_each = None
    if row.started_at and row.finished_at is None and row.stage in {"indexing", "measuring"}:
        seconds_each = mean_seconds((utc_now() - row.started_at).total_seconds(), row.num_done)
    return ExaminationStatus(
        row.id,
        Path(row.root),
        Origin(row.origin),
        row.state,
        row.stage,
        row.num_done,
        row.num_files,
        row.cohort_fingerprint,
        say(row.reasons),
        row.created_at,
        Progress(row.stage, row.num_done, row.num_files, seconds_each=seconds_each).seconds_left,
    )


def _store(desk: Desk, examination_id: str, **values: object) -> None:
    with desk.transaction() as session:
        stored = session.execute(update(tables.Examination).where(IMPORTS.held(examination_id)).values(**values))
    if not num_changed(stored):
        raise WorkTakenOverError(ImportTakenOver())


def _end(desk: Desk, examination_id: str, state: State, why: Reason | None = None) -> None:
    with desk.transaction() as session:
        IMPORTS.finish(session, examination_id, state, why)
