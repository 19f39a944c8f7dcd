"""One run and how it is judged: its record, its stored predictions, its worst errors.

Whoever opens films that may not choose (a test split) adds to the record of openings.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import EvaluationError
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, WEIGHTS_FILE, read_card
from core.services.desk import Desk
from core.services.naming_by_id import id_beginning_with
from core.services.openings import Occasion, count_openings, record_opening
from core.services.predictions import (
    CHOOSING_SPLITS,
    PredictedFilms,
    load_predictions,
    splits_with_predictions,
)
from db import models as tables

LOG_FILE = "log.txt"
MOST_LOG_BYTES = 64_000


@dataclass(frozen=True)
class RunRecord:
    """Everything that is kept of one run; `epochs` has one row an epoch, `splits` those with stored predictions."""

    id: str
    name: str
    state: str
    error: str | None
    config: dict[str, Any]
    environment: dict[str, Any]
    lineage: dict[str, str]
    summary: dict[str, Any]
    epochs: tuple[dict[str, float | int | None], ...]
    checkpoint_hash: str | None
    cohort_fingerprint: str
    folder: Path
    splits: tuple[str, ...]
    starred: bool
    note: str
    tags: tuple[str, ...]
    archived: bool
    deleted: bool
    imported: bool = False

    @property
    def has_checkpoint(self) -> bool:
        """Whether the weights still lie where the run wrote them."""
        return self.checkpoint_hash is not None and (self.folder / "checkpoint" / WEIGHTS_FILE).is_file()

    def card(self) -> ModelCard | None:
        """Return the checkpoint's card, None where it is gone."""
        folder = self.folder / "checkpoint"
        return read_card(folder) if (folder / CARD_FILE).is_file() else None

    def log(self) -> str:
        """Return the end of what the run's process wrote, empty if it wrote nothing."""
        path = self.folder / LOG_FILE
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - MOST_LOG_BYTES))
            return stream.read().decode("utf-8", "replace")


@dataclass(frozen=True)
class OpenedSplit:
    """Stored predictions of a split, and how often its films have been opened, by whichever model."""

    predicted: PredictedFilms
    num_openings: int
    may_choose: bool


@dataclass(frozen=True)
class WorstError:
    """A film that was misread, with where it lies, None where its cohort or file is gone."""

    file: str
    path: Path | None
    content_hash: str
    is_pneumonia: bool
    probability: float


def get_record(desk: Desk, run_id: str) -> RunRecord:
    """Return a run; it may be named by the beginning of its id. Raises InputNotFoundError."""
    with desk.reading() as session:
        run = _named(session, run_id)
        annotation = session.get(tables.RunAnnotation, run.id)
        epochs: dict[int, dict[str, float | int | None]] = {}
        for metric in run.metrics:
            epochs.setdefault(metric.epoch, {"epoch": metric.epoch})[metric.name] = metric.value
        tags = session.scalars(select(tables.RunTag.tag).where(tables.RunTag.run_id == run.id).order_by("tag")).all()
        splits = splits_with_predictions(session, run.checkpoint_hash) if run.checkpoint_hash else []
        return RunRecord(
            id=run.id,
            name=run.name,
            state=run.state,
            error=run.error,
            config=run.config,
            environment=run.environment,
            lineage=_lineage(run),
            summary=run.summary or {},
            epochs=tuple(epochs[epoch] for epoch in sorted(epochs)),
            checkpoint_hash=run.checkpoint_hash,
            cohort_fingerprint=run.cohort_fingerprint,
            folder=Path(run.folder),
            splits=tuple(splits),
            starred=bool(annotation and annotation.starred),
            note=annotation.note if annotation else "",
            tags=tuple(tags),
            archived=bool(annotation and annotation.archived_at),
            deleted=bool(annotation and annotation.deleted_at),
            imported=session.get(tables.ImportedRecord, run.id) is not None,
        )


def look_at(desk: Desk, checkpoint_hash: str, split: str, *, occasion: Occasion | None = "looked at") -> OpenedSplit:
    """Return stored predictions; films that may not choose count one opening more, unless `occasion` is None.

    Raises EvaluationError where there are no predictions of this split.
    """
    with desk.reading() as session:
        found = load_predictions(session, [checkpoint_hash], split)
        if checkpoint_hash not in found:
            raise EvaluationError(
                f"No predictions of this model on {split!r} are kept. A run keeps those of its validation and "
                "calibration films when it ends; `evaluate` keeps those of any other split."
            )
    predicted = found[checkpoint_hash]
    may_choose = split in CHOOSING_SPLITS
    if not may_choose and occasion is not None:
        with desk.transaction() as session:
            record_opening(session, predicted, occasion)
    with desk.reading() as session:
        num_openings = count_openings(session, predicted.cohort_fingerprint, split)
    return OpenedSplit(predicted, num_openings, may_choose)


def worst_errors(
    desk: Desk, predicted: PredictedFilms, threshold: float, limit: int = 6
) -> tuple[tuple[WorstError, ...], tuple[WorstError, ...]]:
    """Return the pneumonia films of lowest probability that were missed, and the normal ones of highest, flagged."""
    labels_N, probabilities_N = predicted.films.labels_N.astype(bool), predicted.probabilities
    root = _root(desk, predicted.cohort_fingerprint)
    order_N = np.argsort(probabilities_N, kind="stable")
    missed = [place for place in order_N if labels_N[place] and probabilities_N[place] < threshold]
    alarms = [place for place in order_N[::-1] if not labels_N[place] and probabilities_N[place] >= threshold]

    def error(place: int) -> WorstError:
        file = predicted.films.files[place]
        path = root / file if root is not None else None
        return WorstError(
            file=file,
            path=path if path is not None and path.is_file() else None,
            content_hash=predicted.films.content_hashes[place],
            is_pneumonia=bool(labels_N[place]),
            probability=float(probabilities_N[place]),
        )

    return tuple(map(error, missed[:limit])), tuple(map(error, alarms[:limit]))


def _root(desk: Desk, cohort_fingerprint: str) -> Path | None:
    with desk.reading() as session:
        root = session.scalar(select(tables.Cohort.root).where(tables.Cohort.fingerprint == cohort_fingerprint))
    return Path(root) if root else None


def _named(session: Session, run_id: str) -> tables.Run:
    return session.get_one(tables.Run, id_beginning_with(session, tables.Run.id, run_id, "run", "runs list"))


def resolve_run_ids(desk: Desk, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the full ids of runs that are named by them or by their beginnings; raises InputNotFoundError."""
    with desk.reading() as session:
        return tuple(id_beginning_with(session, tables.Run.id, name, "run", "runs list") for name in names)


def num_test_openings(desk: Desk, cohort_fingerprint: str) -> dict[str, int]:
    """Return how often each split of a cohort has been opened on this desk."""
    with desk.reading() as session:
        rows = session.execute(
            select(tables.Evaluation.split, func.count())
            .where(tables.Evaluation.cohort_fingerprint == cohort_fingerprint)
            .group_by(tables.Evaluation.split)
        ).all()
    return {row.split: row[1] for row in rows}


def _lineage(run: tables.Run) -> dict[str, str]:
    environment = run.environment or {}
    packages = environment.get("packages", {})
    begun = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else "–"
    ended = f"{run.finished_at:%Y-%m-%d %H:%M:%S} UTC" if run.finished_at else "–"
    return {
        "Run": run.id,
        "Cohort fingerprint": run.cohort_fingerprint,
        "Split": run.split_name or "Drawn by the run's own shares",
        "Split fingerprint": run.split_fingerprint,
        "Checkpoint (SHA-256)": run.checkpoint_hash or "–",
        "Code version": str(environment.get("code", "–")),
        "Python": str(environment.get("python", "–")),
        "Packages": ", ".join(f"{name} {number}" for name, number in packages.items()) or "–",
        "Hardware": f"{environment.get('machine', '–')}, {environment.get('num_cores', '–')} cores, "
        f"{environment.get('memory_gib', '–')} GiB",
        "Begun": begun,
        "Ended": ended,
        "Folder": run.folder,
    }
