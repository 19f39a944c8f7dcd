"""Training a model: dataset, split, fit, calibration, operating point, gate, checkpoint — one recorded run."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.language import mark
from core.services.datasets.splits import fingerprint_of_split
from core.services.desk import Desk
from core.training.config import TrainingConfig
from db import models as tables
from db.base import utc_now
from db.clock import database_now
from db.states import State

if TYPE_CHECKING:
    pass


class TrainRequest(BaseModel):
    """What one run is asked to do, and on what."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description=mark("The folder of the dataset."))
    name: str = Field(default="", description=mark("A name for the run; its architecture and recipe if empty."))
    split: str = Field(
        default="", description=mark("The name of a saved split; drawn by the config's shares if empty.")
    )
    config: TrainingConfig = TrainingConfig()
    note: str = Field(default="", max_length=10_000, description=mark("What people should know of the run."))
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=20, description=mark("Words to find the run by.")
    )


@dataclass(frozen=True)
class SweepPlace:
    """Which trial of which sweep a run is; trials count from 0."""

    sweep_id: str
    trial_number: int


def record_run(desk: Desk, request: TrainRequest, state: State = State.QUEUED) -> str:
    """Record a run that is to be carried out, with its folder, and return its id."""
    with desk.transaction() as session:
        return add_run(session, desk, request, state)


def add_run(
    session: Session,
    desk: Desk,
    request: TrainRequest,
    state: State = State.QUEUED,
    place: SweepPlace | None = None,
) -> str:
    """Add a run to what a transaction records, make its folder, and return its id.

    Raises InputNotFoundError if it names a split that was not saved.
    """
    split_fingerprint = fingerprint_of_split(session, request.split) if request.split else ""
    run_id = uuid.uuid4().hex[:12]
    folder = desk.settings.runs / run_id
    folder.mkdir(parents=True)
    session.add(
        tables.Run(
            id=run_id,
            name=request.name or f"{request.config.architecture}, {request.config.recipe}",
            state=state.value,
            config=request.config.model_dump(mode="json"),
            cohort_fingerprint="",
            split_fingerprint=split_fingerprint,
            split_name=request.split or None,
            environment={},
            folder=str(folder),
            data=str(request.data.absolute()),
            device=queue_of(desk, request.config.device),
            queued_at=utc_now(),
            heartbeat_at=database_now(session),
            sweep_id=place.sweep_id if place else None,
            trial_number=place.trial_number if place else None,
        )
    )
    session.flush()
    if request.note:
        session.add(tables.RunAnnotation(run_id=run_id, note=request.note))
    session.add_all(tables.RunTag(run_id=run_id, tag=tag) for tag in dict.fromkeys(request.tags))
    return run_id


def queue_of(desk: Desk, asked: str) -> str:
    """Return in whose queue a run waits that asks for a device: cpu, mps, any GPU (cuda) or one; needs no torch."""
    name = asked if asked != "auto" else desk.settings.device
    if name == "auto":
        name = "cuda" if Path("/dev/nvidia0").exists() else "cpu"
    return name
