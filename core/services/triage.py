"""Triage of files with a model: the readings are stored as they come, with their whole lineage."""

import csv
import hashlib
import io
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select

from core.errors import InputNotFoundError
from core.services.desk import Desk
from core.services.models import STARTER, find_model, operating_point_of, record_model, record_operating_point
from core.triage.engine import build_engine
from core.triage.gate import Gate
from core.triage.intake import gather
from core.triage.pipeline import FilmReading, FilmView, Predictor, read_films
from core.triage.saliency import overlay, positive_share
from db import models as tables
from db.models import utc_now
from db.states import State

STORE_EVERY = 64
LONGEST_NAME = 200
"""Bytes of a file name beyond which most file systems would refuse a longer ending."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CSV_COLUMNS = ("file", "status", "reason", "probability", "finding", "priority", "model", "operating_point")


class TriageRequest(BaseModel):
    """What one triage is asked to do."""

    model_config = ConfigDict(frozen=True)

    paths: tuple[Path, ...] = Field(min_length=1, description="Files, folders and zip archives.")
    model: str = Field(STARTER, description="`starter`, `run:RUN` or a checkpoint folder.")
    saliency_folder: Path | None = Field(None, description="Where to write films overlaid with where the model looked.")
    reader: str | None = Field(None, description="Who asked for it.")


@dataclass(frozen=True)
class TriageProgress:
    """How far a batch is."""

    num_done: int
    num_files: int


@dataclass(frozen=True)
class TriageResult:
    """A finished batch, as it stands in the database."""

    batch_id: str
    model: str
    checkpoint_hash: str
    operating_point: dict[str, Any]
    engine: str
    num_files: int
    counts: dict[str, int]


def load_predictor(desk: Desk, name: str) -> Predictor:
    """Return a model made ready to read films."""
    checkpoint = find_model(desk, name)
    settings = desk.settings
    engine = build_engine(checkpoint, settings.device, num_threads(desk), settings.caches)
    gate = Gate.from_arrays(checkpoint.gate) if checkpoint.gate else None
    return Predictor(checkpoint, engine, gate, operating_point_of(checkpoint))


def num_threads(desk: Desk) -> int:
    """Return how many threads read films: the setting, or one for each core this process may use."""
    return desk.settings.decode_threads or len(psutil.Process().cpu_affinity())


def run_triage(
    desk: Desk,
    request: TriageRequest,
    *,
    predictor: Predictor | None = None,
    on_progress: Callable[[TriageProgress], None] = lambda progress: None,
) -> TriageResult:
    """Read every file of a request, store the readings and return the finished batch."""
    for path in request.paths:
        if not path.exists():
            raise InputNotFoundError(f"There is no file or folder {path}.")
    predictor = predictor or load_predictor(desk, request.model)
    megabyte = 10**6
    candidates = list(
        gather(
            request.paths,
            max_file_bytes=desk.settings.max_file_megabytes * megabyte,
            max_archive_bytes=desk.settings.max_archive_megabytes * megabyte,
        )
    )
    batch_id = _begin(desk, request, predictor, len(candidates))
    drawer = SaliencyWriter(request.saliency_folder) if request.saliency_folder else None
    num_done, pending = 0, []
    try:
        readings = read_films(
            candidates,
            predictor,
            num_threads=num_threads(desk),
            max_file_bytes=desk.settings.max_file_megabytes * megabyte,
            on_film=drawer.write if drawer else None,
        )
        for reading in readings:
            pending.append(_row(batch_id, reading, drawer))
            num_done += 1
            if len(pending) == STORE_EVERY:
                _store(desk, pending)
                pending = []
                on_progress(TriageProgress(num_done, len(candidates)))
        _store(desk, pending)
        on_progress(TriageProgress(num_done, len(candidates)))
    except BaseException as error:
        _end(desk, batch_id, State.STOPPED if isinstance(error, KeyboardInterrupt) else State.FAILED, str(error))
        raise
    _end(desk, batch_id, State.COMPLETED, None)
    return describe_batch(desk, batch_id)


class SaliencyWriter:
    """Writes each read film with where the model looked, under the film's own name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, file: str) -> Path:
        """Return where the picture for a film goes; the name keeps the film's folders and ending."""
        *folders, name = file.replace("..", "_").split("/")
        if len(name.encode()) > LONGEST_NAME:
            name = f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        return self._folder.joinpath(*folders, f"{name}.saliency.png")

    def write(self, reading: FilmReading, view: FilmView) -> None:
        """Draw one film."""
        path = self.path_of(reading.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        overlay(view.pixels_HW, positive_share(view.map_hw)).save(path, compress_level=1)


def describe_batch(desk: Desk, batch_id: str) -> TriageResult:
    """Return a batch and its counts by priority and status; raises InputNotFoundError."""
    with desk.transaction() as session:
        batch = session.get(tables.Batch, batch_id)
        if batch is None:
            raise InputNotFoundError(f"There is no batch {batch_id!r}.")
        pairs = session.execute(
            select(tables.Reading.status, tables.Reading.priority).where(tables.Reading.batch_id == batch_id)
        ).all()
        counts = dict.fromkeys(("urgent", "review", "routine", "rejected", "failed"), 0)
        for status, priority in pairs:
            counts[priority if status == "read" else status] += 1
        point = batch.operating_point
        return TriageResult(
            batch_id=batch.id,
            model=batch.model_version.name,
            checkpoint_hash=batch.model_version.checkpoint_hash,
            operating_point={
                "name": point.name,
                "threshold": point.threshold,
                "uncertain_low": point.uncertain_low,
                "uncertain_high": point.uncertain_high,
                "rule": point.rule,
                "chosen_on": point.chosen_on,
            },
            engine=batch.engine,
            num_files=batch.num_files or 0,
            counts=counts,
        )


def ranked_readings(desk: Desk, batch_id: str) -> list[dict[str, Any]]:
    """Return a batch's rows, most urgent first, in the columns of the CSV."""
    reading = tables.Reading
    with desk.transaction() as session:
        rows = session.execute(
            select(
                reading,
                tables.ModelVersion.name,
                tables.ModelVersion.checkpoint_hash,
                tables.OperatingPoint.name,
                tables.OperatingPoint.threshold,
            )
            .join(tables.Batch, tables.Batch.id == reading.batch_id)
            .join(tables.ModelVersion, tables.ModelVersion.id == tables.Batch.model_version_id)
            .join(tables.OperatingPoint, tables.OperatingPoint.id == tables.Batch.operating_point_id)
            .where(reading.batch_id == batch_id)
            .order_by(reading.rank_order, reading.probability.desc(), reading.file)
        ).all()
        return [
            {
                "file": row.file,
                "status": row.status,
                "reason": row.reason,
                "probability": row.probability,
                "finding": row.finding,
                "priority": row.priority,
                "model": f"{model}@{checkpoint_hash[:12]}",
                "operating_point": f"{point} ({threshold:.4f})",
            }
            for row, model, checkpoint_hash, point, threshold in rows
        ]


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as CSV; text that a spreadsheet would run as a formula is led by an apostrophe."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in CSV_COLUMNS})
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _begin(desk: Desk, request: TriageRequest, predictor: Predictor, num_files: int) -> str:
    with desk.transaction() as session:
        model = record_model(session, predictor.checkpoint)
        point = record_operating_point(session, predictor.checkpoint, predictor.operating_point)
        batch = tables.Batch(
            id=uuid.uuid4().hex[:12],
            state=State.RUNNING.value,
            source=", ".join(str(path) for path in request.paths),
            model_version_id=model.id,
            operating_point_id=point.id,
            engine=predictor.engine.name,
            reader=request.reader,
            num_files=num_files,
            started_at=utc_now(),
        )
        session.add(batch)
        session.flush()
        return batch.id


def _row(batch_id: str, reading: FilmReading, drawer: SaliencyWriter | None) -> dict[str, Any]:
    drawn = drawer is not None and reading.probability is not None
    return {
        "batch_id": batch_id,
        "file": reading.file,
        "file_hash": reading.file_hash,
        "status": reading.status.value,
        "reason_code": reading.reason_code,
        "reason": reading.reason,
        "probability": reading.probability,
        "logit": reading.logit,
        "gate_distance": reading.gate_distance,
        "finding": reading.finding,
        "priority": reading.priority.value,
        "rank_order": reading.rank_order,
        "saliency_file": str(drawer.path_of(reading.file)) if drawn else None,
        "created_at": utc_now(),
    }


def _store(desk: Desk, rows: list[dict[str, Any]]) -> None:
    if rows:
        with desk.transaction() as session:
            session.execute(insert(tables.Reading), rows)


def _end(desk: Desk, batch_id: str, state: State, error: str | None) -> None:
    with desk.transaction() as session:
        batch = session.get(tables.Batch, batch_id)
        batch.state, batch.error, batch.finished_at = state.value, error, utc_now()
