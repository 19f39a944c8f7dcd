"""The state of the desk at a glance; needs no torch."""

from dataclasses import dataclass

from sqlalchemy import func, select

from core.model.card import ModelCard
from core.radiograph.phantom import write_phantom_folder
from core.services.desk import Desk
from core.services.models.loading import device_name
from core.services.models.lookup import ACTIVE, model_card
from core.services.triage.batch_reading import TriageRequest
from core.services.triage.batches import BatchStatus, list_batches, start_batch
from core.services.triage.kept import kept_batches
from db import models as tables

NUM_PHANTOMS = 24
NUM_BATCHES = 8


@dataclass(frozen=True)
class DeskState:
    """What the overview shows."""

    card: ModelCard
    device: str
    num_readings: int
    num_cohorts: int
    num_runs: int
    num_live_batches: int
    batches: list[BatchStatus]


def describe_desk(desk: Desk) -> DeskState:
    """Return the active model, the device, the counts and the last batches."""
    batches = list_batches(desk, NUM_BATCHES)
    reading, deleted = tables.Reading, tables.RunAnnotation
    with desk.reading() as session:
        counts = [
            session.scalar(counted) or 0
            for counted in (
                select(func.count()).where(reading.status == "read", reading.batch_id.in_(kept_batches())),
                select(func.count(tables.Cohort.root.distinct())),
                # As the Experiments page counts them: without those that were deleted.
                select(func.count(tables.Run.id))
                .outerjoin(deleted, deleted.run_id == tables.Run.id)
                .where(deleted.deleted_at.is_(None)),
            )
        ]
    return DeskState(
        model_card(desk, ACTIVE),
        device_name(desk),
        *counts,
        num_live_batches=sum(batch.is_live for batch in batches),
        batches=batches,
    )


def make_phantoms(desk: Desk, reader: str | None = None) -> str:
    """Draw a folder of synthetic images and start a batch over it; return the batch's id."""
    folder = desk.settings.home / "phantoms"
    write_phantom_folder(folder, NUM_PHANTOMS, with_hostile=True)
    title = f"{NUM_PHANTOMS} synthetic images (demo)"
    return start_batch(desk, TriageRequest(paths=(folder,), title=title, reader=reader))
