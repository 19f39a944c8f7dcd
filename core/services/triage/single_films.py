"""Single images for programs: read as they come by one shared model, and kept with their provenance.

The image itself and its name are not kept, only its hash: its sender has it.
"""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import insert

from core.errors import InputNotFoundError, PneumoDeskError
from core.evaluation.operating_point import OperatingPoint
from core.language import tr
from core.model.card import ModelCard
from core.reasons import read_aloud, store
from core.services.desk import Desk
from core.services.models.graph_conversion import convert_apart
from core.services.models.loading import load_predictor, num_threads
from core.services.models.lookup import record_model, resolve_model
from core.services.models.operating_points import stored_point
from core.triage.film_reading import FilmReading
from core.triage.heatmap import Heatmap
from core.triage.live import LiveReader, ReaderClosedError, ReceivedFilm
from core.triage.predictor import Predictor
from db import models as tables
from db.base import utc_now

KEPT_FIELDS = (
    *("file_hash", "status", "reason_code", "reasons", "probability", "logit", "gate_distance", "finding", "priority"),
    "activation_map",
)


@dataclass(frozen=True)
class Prediction:
    """What one image was found to be, with its lineage; numbers are None unless it came as far as the model."""

    id: str
    file_hash: str | None
    status: str
    reason_code: str
    reason: str
    reasons: list[dict[str, Any]] | None
    probability: float | None
    logit: float | None
    gate_distance: float | None
    finding: str | None
    priority: str
    card: ModelCard
    operating_point: OperatingPoint
    engine: str
    sender: str | None
    created_at: datetime

    @property
    def is_read(self) -> bool:
        """Whether the image came as far as the model's answer."""
        return self.probability is not None


class PredictionDesk:
    """One loaded model that answers any number of askers; images that wait together are read together."""

    def __init__(self, desk: Desk, model: str, on_batch: Callable[[int], None]) -> None:
        convert_apart(desk, model)
        self._desk = desk
        self._predictor: Predictor = load_predictor(desk, model)
        card = self._predictor.checkpoint.card
        with desk.transaction() as session:
            self._lineage = {
                "model_version_id": record_model(session, card, self._predictor.checkpoint.folder or Path()).id,
                "operating_point_id": stored_point(session, resolve_model(desk, model), card).id,
                "engine": self._predictor.engine.name,
            }
        self._reader = LiveReader(
            self._predictor,
            self._keep,
            num_threads=num_threads(desk),
            max_file_bytes=desk.settings.max_file_bytes,
            on_batch=on_batch,
        )

    def predict(self, stream: BinaryIO, sender: str | None = None) -> "Future[Prediction]":
        """Return the prediction to come for an image, kept before it is answered; raises ReaderClosedError."""
        return self._reader.read(ReceivedFilm("film", Path("film"), stream=stream, sender=sender))

    def close(self) -> None:
        """Answer what was asked for and let the model go."""
        self._reader.close()

    def _keep(self, films: list[tuple[ReceivedFilm, FilmReading]]) -> list[Prediction]:
        rows = [self._row(film, reading) for film, reading in films]
        with self._desk.transaction() as session:
            session.execute(insert(tables.Prediction), rows)
        card, point = self._predictor.checkpoint.card, self._predictor.operating_point
        return [_from_fields(row, card, point) for row in rows]

    def _row(self, film: ReceivedFilm, reading: FilmReading) -> dict[str, Any]:
        fields = {name: getattr(reading, name) for name in KEPT_FIELDS}
        fields |= {"status": reading.status.value, "priority": reading.priority.value}
        fields |= {"reason": "", "reasons": store(reading.reasons)}
        return {"id": uuid.uuid4().hex, "sender": film.sender, "created_at": utc_now(), **fields, **self._lineage}


class SharedModel:
    """A model that is loaded when first needed, once, for all askers; after a failure the next asker tries again."""

    def __init__(self, desk: Desk, model: str, on_batch: Callable[[int], None] = lambda size: None) -> None:
        self._desk = desk
        self._model = model
        self._on_batch = on_batch
        self._lock = threading.Lock()
        self._loaded: PredictionDesk | None = None
        self._is_closed = False
        self.problem: str | None = None
        """Why the last attempt in the background failed."""

    @property
    def loaded(self) -> PredictionDesk | None:
        """The model if it is ready, None while it is not."""
        return self._loaded

    def get(self) -> PredictionDesk:
        """Return the model, waiting while it loads; raises PneumoDeskError if it is not available or was replaced."""
        with self._lock:
            if self._is_closed:
                raise ReaderClosedError(tr("Another model was made active just now: ask again."))
            if self._loaded is None:
                self._loaded = PredictionDesk(self._desk, self._model, self._on_batch)
                self.problem = None
            return self._loaded

    def load_in_background(self) -> None:
        """Begin to load the model without waiting for it; what goes wrong is kept in `problem`."""
        if self._loaded is None and not self._lock.locked():
            threading.Thread(target=self._try_to_load, daemon=True, name="load-model").start()

    def close_in_background(self) -> None:
        """Let the model go once everybody who asked it is answered, also one that is still being loaded."""
        threading.Thread(target=self._close, daemon=True, name="close-model").start()

    def _close(self) -> None:
        with self._lock:
            self._is_closed = True
            loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    def _try_to_load(self) -> None:
        try:
            self.get()
        except PneumoDeskError as error:
            self.problem = str(error)


def get_prediction(desk: Desk, prediction_id: str) -> Prediction:
    """Return a prediction by its id; raises InputNotFoundError."""
    with desk.reading() as session:
        row = _row_of(session.get(tables.Prediction, prediction_id), prediction_id)
        card = ModelCard.model_validate(row.model_version.card)
        point = OperatingPoint.model_validate(
            {name: getattr(row.operating_point, name) for name in OperatingPoint.model_fields}
        )
        return _from_fields(vars(row), card, point)


def prediction_heatmap(desk: Desk, prediction_id: str) -> bytes:
    """Return the AI heatmap as a square PNG to be stretched over the image; raises InputNotFoundError."""
    # Looked up each time: what was deleted is shown no more.
    with desk.reading() as session:
        row = _row_of(session.get(tables.Prediction, prediction_id), prediction_id)
    return _drawn(row.activation_map)


@lru_cache(maxsize=64)
def _drawn(activation_map: bytes | None) -> bytes:
    heatmap = Heatmap.kept(activation_map)
    if heatmap is None or heatmap.is_empty:
        raise InputNotFoundError(tr("There is no AI heatmap: nothing in this image spoke for pneumonia."))
    return heatmap.png()


def _row_of(row: tables.Prediction | None, prediction_id: str) -> tables.Prediction:
    if row is None:
        raise InputNotFoundError(
            tr(
                "There is no prediction {prediction_id!r}. It may be past its retention period.",
                prediction_id=prediction_id[:40],
            )
        )
    return row


def _from_fields(fields: dict[str, Any], card: ModelCard, point: OperatingPoint) -> Prediction:
    kept = {name: fields[name] for name in ("id", "engine", "sender", "created_at", *KEPT_FIELDS)}
    kept.pop("activation_map")
    reason = read_aloud(fields["reasons"], fields["reason"])
    return Prediction(card=card, operating_point=point, reason=reason, **kept)
