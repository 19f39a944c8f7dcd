"""Triage of files with a model: readings are stored as they come, with their whole lineage, and survive a crash."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select, update

from core.errors import CheckpointError, InputNotFoundError, WorkTakenOverError
from core.language import mark, tr
from core.model.identity import READING_VERSION, reader_identity
from core.progress import OnProgress, Progress, tell_nobody
from core.reasons import store
from core.runs.heartbeat import Heartbeat
from core.runs.queues import BATCHES
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event, record_model_change, record_read
from core.services.films.pseudonyms import study_number
from core.services.films.reachable import files_below
from core.services.models.loading import load_predictor
from core.services.models.lookup import (
    ACTIVE,
    identity_of_row,
    model_folder,
    record_model,
    resolve_model,
    unchanged_card,
)
from core.services.models.operating_points import OWN, choose_row, point_of_batch
from core.services.models.reading import read_all
from core.services.triage.batch_results import TriageResult, describe_batch
from core.services.triage.reading_reuse import earlier_readings, taken_over_rows
from core.services.triage.study_identity import identify, keep_earlier_studies
from core.triage.film_reading import CachedReading, FilmReading, FilmView
from core.triage.heatmap import Heatmap
from core.triage.intake import Candidate, IntakeProblem
from core.triage.predictor import Predictor
from core.triage.saliency import positive_share
from core.work_reasons import BatchTakenOver, why_of
from db import models as tables
from db.base import num_changed, table_of, utc_now
from db.clock import database_now
from db.states import State

STORE_EVERY = 64
LONGEST_NAME = 200
"""Bytes of a file name beyond which most file systems would refuse a longer ending."""


class TriageRequest(BaseModel):
    """What one triage is asked to do."""

    model_config = ConfigDict(frozen=True)

    paths: tuple[Path, ...] = Field(min_length=1, description=mark("Files, folders and zip archives."))
    model: str = Field(default=ACTIVE, description=mark("`active`, or any name of a model or a checkpoint folder."))
    operating_point: str = Field(
        default=OWN,
        max_length=140,
        description=mark("NAME or NAME@VERSION of an operating point kept for this model; its card's own if empty."),
    )
    saliency_folder: Path | None = Field(
        default=None, description=mark("Where to write images overlaid with the AI heatmap.")
    )
    reader: str | None = Field(default=None, description=mark("Who asked for it."))
    again: bool = Field(
        default=False, description=mark("Analyse images again that this model version has analysed before.")
    )
    title: str = Field(default="", description=mark("What the batch is called; its paths if empty."))


def run_triage(
    desk: Desk,
    request: TriageRequest,
    *,
    predictor: Predictor | None = None,
    on_progress: OnProgress = tell_nobody,
) -> TriageResult:
    """Read every file of a request in this process, store the readings and return the finished batch."""
    batch_id = create_batch(desk, request)
    work_on_batch(desk, batch_id, predictor=predictor, on_progress=on_progress)
    return describe_batch(desk, batch_id)


def new_batch_id() -> str:
    """Return an id that no batch has."""
    return uuid.uuid4().hex[:12]


def create_batch(desk: Desk, request: TriageRequest, batch_id: str | None = None) -> str:
    """Record a batch that waits to be read and return its id, a new one unless it is given.

    Raises InputNotFoundError for a missing path or model.
    """
    for path in request.paths:
        if not path.exists():
            raise InputNotFoundError(tr("There is no file or folder {path}.", path=path))
    # The batch stays with the model that is active now, also when it is resumed after another was made active.
    model_name = resolve_model(desk, request.model)
    folder = model_folder(desk, model_name)
    card = unchanged_card(desk, model_name)
    absolute = request.model_copy(
        update={"model": model_name, "paths": tuple(path.absolute() for path in request.paths)}
    )
    with desk.transaction() as session:
        model = record_model(session, card, folder)
        point = choose_row(session, card, request.operating_point)
        batch = tables.Batch(
            id=batch_id or new_batch_id(),
            source=request.title or ", ".join(str(path) for path in request.paths),
            model_version_id=model.id,
            operating_point_id=point.id,
            reading_version=READING_VERSION,
            request=absolute.model_dump(mode="json"),
            reader=request.reader,
            heartbeat_at=database_now(session),
        )
        record_model_change(session, batch)
        session.add(batch)
        session.flush()
        if any(path.is_relative_to(desk.settings.uploads.absolute()) for path in absolute.paths):
            record_event(session, batch.reader, AuditAction.UPLOAD, batch.source, batch=batch.id)
        return batch.id


def work_on_batch(
    desk: Desk,
    batch_id: str,
    *,
    predictor: Predictor | None = None,
    load: Callable[[Desk, str], Predictor] = load_predictor,
    on_progress: OnProgress = tell_nobody,
) -> None:
    """Read the files of a batch that were not read yet; a batch that another process works on is left to it.

    The batch's model is loaded by `load` unless a predictor is given.
    """
    with desk.transaction() as session:
        if not BATCHES.claim(session, batch_id):
            return
    try:
        with Heartbeat(desk.transaction, BATCHES, batch_id) as heartbeat:
            request = _request_of(desk, batch_id)
            if predictor is None:
                predictor = load(desk, request.model)
                _check_reader(desk, batch_id, predictor)
                # What the batch was promised, whatever the card says by now.
                predictor = replace(predictor, operating_point=point_of_batch(desk, batch_id))
            elif request.operating_point != OWN:
                predictor = replace(predictor, operating_point=point_of_batch(desk, batch_id))
            stopped = not _read_all(desk, batch_id, request, predictor, on_progress, lambda: heartbeat.should_stop)
    except BaseException as error:
        state = State.STOPPED if isinstance(error, KeyboardInterrupt) else State.FAILED
        with desk.transaction() as session:
            BATCHES.finish(session, batch_id, state, why_of(error))
        raise
    with desk.transaction() as session:
        if BATCHES.finish(session, batch_id, State.STOPPED if stopped else State.COMPLETED):
            record_read(session, session.get_one(tables.Batch, batch_id))


def _check_reader(desk: Desk, batch_id: str, predictor: Predictor) -> None:
    """Raise CheckpointError if the model is another reader than when the batch was made."""
    with desk.reading() as session:
        version = session.get_one(tables.Batch, batch_id).model_version
        if identity_of_row(version) != reader_identity(predictor.checkpoint.card):
            raise CheckpointError(
                tr(
                    "The model {name} was changed after this batch was made: its card is another one now. Put the "
                    "former files back and resume, or start a new batch with the model as it is.",
                    name=version.name,
                )
            )


def _request_of(desk: Desk, batch_id: str) -> TriageRequest:
    with desk.reading() as session:
        return TriageRequest.model_validate(session.get_one(tables.Batch, batch_id).request)


def _read_all(
    desk: Desk,
    batch_id: str,
    request: TriageRequest,
    predictor: Predictor,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
) -> bool:
    """Read what is left of a batch; returns whether its end was reached."""
    candidates, num_done = _left_to_read(desk, batch_id, request)
    num_files = num_done + len(candidates)
    with desk.transaction() as session:
        session.execute(
            update(tables.Batch)
            .where(tables.Batch.id == batch_id)
            # The model is ready only now: its loading must not count as slow reading.
            .values(engine=predictor.engine.name, num_files=num_files, num_done=num_done, started_at=utc_now())
        )
    drawer = SaliencyWriter(request.saliency_folder) if request.saliency_folder else None
    readings = read_all(
        desk,
        predictor,
        candidates,
        on_film=drawer.write if drawer else None,
        # An image that is to be drawn has to be opened anyway.
        known=None if request.again or drawer else earlier_readings(desk, batch_id),
    )
    pending: list[FilmReading | CachedReading] = []
    for reading in readings:
        pending.append(reading)
        if len(pending) == STORE_EVERY:
            num_done += _store(desk, batch_id, pending, drawer)
            pending = []
            on_progress(Progress("reading", num_done, num_files))
            if should_stop():
                return False
    num_done += _store(desk, batch_id, pending, drawer)
    on_progress(Progress("reading", num_done, num_files))
    # Fewer only if an earlier reading was deleted before it was reused: its image is left to be read.
    return num_done == num_files


def _left_to_read(desk: Desk, batch_id: str, request: TriageRequest) -> tuple[list[Candidate | IntakeProblem], int]:
    """Return the candidates without a reading, and how many have one."""
    found = files_below(desk, request.paths)
    with desk.reading() as session:
        done = set(session.scalars(select(tables.Reading.file).where(tables.Reading.batch_id == batch_id)))
    if desk.settings.study_numbers:
        found = (replace(candidate, name=study_number(desk, candidate.name)) for candidate in found)
    return [candidate for candidate in found if candidate.name not in done], len(done)


class SaliencyWriter:
    """Writes each analysed image with the AI heatmap, under the image's own name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, file: str) -> Path:
        """Return where the picture for an image goes; the name keeps the image's folders and ending."""
        *folders, name = file.replace("..", "_").split("/")
        if len(name.encode()) > LONGEST_NAME:
            name = f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        return self._folder.joinpath(*folders, f"{name}.saliency.jpg")

    def write(self, reading: FilmReading, view: FilmView) -> None:
        """Draw one image."""
        path = self.path_of(reading.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        Heatmap(positive_share(view.map_hw)).over(Image.fromarray(view.grey_HW)).save(path, quality=80)


def _row(desk: Desk, batch_id: str, reading: FilmReading, drawer: SaliencyWriter | None) -> dict[str, Any]:
    drawn = drawer.path_of(reading.file) if drawer is not None and reading.probability is not None else None
    row = {
        # Whom the file shows stays out of the database: pseudonyms alone are kept.
        **{name: value for name, value in vars(reading).items() if name != "origin"},
        "reason": "",
        "reasons": store(reading.reasons),
        "batch_id": batch_id,
        "status": reading.status.value,
        "priority": reading.priority.value,
        "saliency_file": str(drawn) if drawn else None,
        "created_at": utc_now(),
    }
    return {**row, **identify(desk, row, reading.origin)}


def _store(
    desk: Desk, batch_id: str, readings: Sequence[FilmReading | CachedReading], drawer: SaliencyWriter | None
) -> int:
    """Store readings and the new count in one transaction, so that neither ever stands without the other."""
    if not readings:
        return 0
    rows = [_row(desk, batch_id, reading, drawer) for reading in readings if isinstance(reading, FilmReading)]
    known = [reading for reading in readings if isinstance(reading, CachedReading)]
    with desk.transaction() as session:
        taken_over = taken_over_rows(session, desk, batch_id, known) if known else []
        keep_earlier_studies(session, [*rows, *taken_over])
        for made in (rows, taken_over):
            if made:
                # Past the mapper, which would cost as much as writing the rows.
                session.execute(insert(table_of(tables.Reading)), made)
        num_stored = len(rows) + len(taken_over)
        counted = session.execute(
            update(tables.Batch).where(BATCHES.held(batch_id)).values(num_done=tables.Batch.num_done + num_stored)
        )
        if not num_changed(counted):
            raise WorkTakenOverError(BatchTakenOver())
    return num_stored
