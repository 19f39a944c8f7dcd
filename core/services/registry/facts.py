"""What is known of a model beside its card: what this desk measured, or what came along in the model's folder."""

from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select

from core.errors import CheckpointError
from core.evaluation.subgroups import Subgroup, judge_subgroups
from core.language import tr
from core.model.card import ModelCard
from core.model.checkpoint import write_atomically
from core.services.desk import Desk
from core.services.evaluation.measurements import Measurement, MeasurementKind, latest_measurement
from core.services.evaluation.predictions import load_predictions
from core.services.evaluation.test_set_access import RecordedOpening, recorded_openings
from core.services.runs.readable import readable
from db import models as tables
from db.states import State

FACTS_FILE = "facts.json"
FACTS_FORMAT = 1


_OF_SUBGROUPS = ("subgroups", "subgroups_threshold")


class TriedRun(BaseModel):
    """One finished run on the same split, whether it became part of the model or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    seed: int | None
    validation_auc: float | None
    is_part: bool


class ModelFacts(BaseModel):
    """Measurements, accesses of images that evaluate, subgroups and the runs that were tried; of one checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FACTS_FORMAT
    checkpoint_hash: str
    stress: Measurement | None = None
    gate: Measurement | None = None
    openings: tuple[RecordedOpening, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    subgroups_threshold: float | None = None
    runs_tried: tuple[TriedRun, ...] = ()

    def completed_by(self, other: "ModelFacts | None") -> Self:
        """Return these facts with the other's where this has none; an access that both know counts once."""
        if other is None:
            return self
        known = {opening.opened_at for opening in self.openings}
        more = tuple(opening for opening in other.openings if opening.opened_at not in known)
        return self.model_copy(
            update={
                **{name: getattr(self, name) or getattr(other, name) for name in ("stress", "gate")},
                **{name: getattr(self if self.subgroups else other, name) for name in _OF_SUBGROUPS},
                "openings": tuple(sorted((*more, *self.openings), key=_moment)),
                "runs_tried": max(self.runs_tried, other.runs_tried, key=len),
            }
        )


def model_facts(desk: Desk, card: ModelCard, folder: Path) -> ModelFacts:
    """Return what this desk knows of a checkpoint, completed by what lies in its folder; raises CheckpointError."""
    stress, gate = (latest_measurement(desk, card.weights_hash, kind) for kind in MeasurementKind)
    own = ModelFacts(
        checkpoint_hash=card.weights_hash,
        stress=stress,
        gate=gate,
        openings=recorded_openings(desk, card.weights_hash),
        subgroups=_subgroups(desk, card),
        subgroups_threshold=card.operating_point.threshold if card.operating_point else None,
        runs_tried=_runs_tried(desk, card),
    )
    return own.completed_by(read_facts(folder, card))


def read_facts(folder: Path, card: ModelCard) -> ModelFacts | None:
    """Return what came along in a model's folder; raises CheckpointError where it is damaged or another model's."""
    path = folder / FACTS_FILE
    if not path.is_file():
        return None
    try:
        found = ModelFacts.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CheckpointError(
            tr("{path} cannot be read; copy the model again from where it came.", path=path)
        ) from error
    if found.checkpoint_hash != card.weights_hash:
        raise CheckpointError(tr("{path} is about other weights; copy the model again from where it came.", path=path))
    return found


def write_facts(facts: ModelFacts, folder: Path) -> None:
    """Lay what is known of a model beside its card."""
    write_atomically(folder / FACTS_FILE, (facts.model_dump_json(indent=1) + "\n").encode())


def _subgroups(desk: Desk, card: ModelCard) -> tuple[Subgroup, ...]:
    """Return the validation images by subgroup, at the card's threshold."""
    with desk.reading() as session:
        predicted = load_predictions(session, [card.weights_hash], "validation").get(card.weights_hash)
    if predicted is None or card.operating_point is None:
        return ()
    films = predicted.films
    return judge_subgroups(
        films.subtypes,
        films.labels_N,
        predicted.probabilities,
        card.operating_point.threshold,
        films.known_patients,
    )


def _runs_tried(desk: Desk, card: ModelCard) -> tuple[TriedRun, ...]:
    """Return every finished run on the images of the run, or of an ensemble's members, that became this model."""
    members = card.ensemble.members if card.ensemble else ()
    # Of runs whose weights' mean it began with, too.
    first = [run for run in str(card.config.get("average_of", "")).split(",") if run]
    parts = {card.run_id, *(member.run_id for member in members), *first} - {None}
    if not card.split_fingerprint or not parts:
        return ()
    run_of = tables.Run
    with desk.reading() as session:
        runs = session.scalars(
            select(run_of)
            .where(run_of.split_fingerprint == card.split_fingerprint, run_of.state == State.COMPLETED.value)
            .order_by(run_of.created_at)
        ).all()
        return tuple(
            TriedRun(
                id=run.id,
                name=run.name,
                seed=shown.config.get("seed"),
                validation_auc=shown.summary.get("metrics", {}).get("validation", {}).get("auc"),
                is_part=run.id in parts,
            )
            for run, shown in ((run, readable(run)) for run in runs)
        )


def _moment(opening: RecordedOpening) -> datetime:
    return opening.opened_at
