"""One run as it is stored: its row, configuration, metrics and lineage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.language import mark, tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, WEIGHTS_FILE, read_card
from core.services.desk import Desk
from core.services.desk.id_prefix import id_beginning_with
from core.services.desk.program_words import Say, in_english
from core.services.evaluation.predictions import (
    splits_with_predictions,
)
from core.services.runs.readable import ReadableRun, readable
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
    lineage_in_words: dict[str, str]
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


def get_record(desk: Desk, run_id: str) -> RunRecord:
    """Return a run; it may be named by the beginning of its id. Raises InputNotFoundError."""
    with desk.reading() as session:
        run = _named(session, run_id)
        annotation = session.get(tables.RunAnnotation, run.id)
        epochs: dict[int, dict[str, float | int | None]] = {}
        for metric in run.metrics:
            epochs.setdefault(metric.epoch, {"epoch": metric.epoch})[metric.name] = metric.value
        tags = session.scalars(select(tables.RunTag.tag).where(tables.RunTag.run_id == run.id).order_by("tag")).all()
        shown = readable(run)
        splits = splits_with_predictions(session, run.checkpoint_hash) if run.checkpoint_hash else []
        return RunRecord(
            id=run.id,
            name=run.name,
            state=run.state,
            error=shown.error,
            config=shown.config,
            environment=shown.environment,
            lineage=_lineage(run, shown, in_english),
            lineage_in_words=_lineage(run, shown, tr),
            summary=shown.summary,
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


def _named(session: Session, run_id: str) -> tables.Run:
    return session.get_one(tables.Run, id_beginning_with(session, tables.Run.id, run_id, "run"))


def resolve_run_ids(desk: Desk, names: Sequence[str]) -> tuple[str, ...]:
    """Return the full ids of runs that are named by them or by their beginnings; raises InputNotFoundError."""
    with desk.reading() as session:
        return tuple(id_beginning_with(session, tables.Run.id, name, "run") for name in names)


def _lineage(run: tables.Run, shown: ReadableRun, say: Say) -> dict[str, str]:
    environment = shown.environment
    packages = environment.get("packages", {})
    begun = say(mark("{started_at:%Y-%m-%d %H:%M:%S} UTC"), started_at=run.started_at) if run.started_at else "–"
    ended = say(mark("{finished_at:%Y-%m-%d %H:%M:%S} UTC"), finished_at=run.finished_at) if run.finished_at else "–"
    return {
        say(mark("Run")): run.id,
        say(mark("Dataset fingerprint")): run.cohort_fingerprint,
        say(mark("Split")): run.split_name or say(mark("Drawn by the run's own shares")),
        say(mark("Split fingerprint")): run.split_fingerprint,
        say(mark("Checkpoint (SHA-256)")): run.checkpoint_hash or "–",
        say(mark("Code version")): str(environment.get("code", "–")),
        say(mark("Python")): str(environment.get("python", "–")),
        say(mark("Packages")): ", ".join(f"{name} {number}" for name, number in packages.items()) or "–",
        say(mark("Hardware")): say(
            mark("{machine}, {num_cores} cores, {memory} GiB"),
            machine=environment.get("machine", "–"),
            num_cores=environment.get("num_cores", "–"),
            memory=environment.get("memory_gib", "–"),
        ),
        say(mark("Computed on")): say(mark("; then ")).join(map(say_facts, environment.get("computing", []))) or "–",
        say(mark("Begun")): begun,
        say(mark("Ended")): ended,
        say(mark("Folder")): run.folder,
    }


def say_facts(facts: dict[str, str]) -> str:
    """Return facts such as those of what a run computed on as one line."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())
