"""What a batch is: its state, and the model and operating point that it rests on."""

from dataclasses import dataclass
from typing import Any

from core.services.desk import Desk
from core.services.triage.kept import kept_batch


@dataclass(frozen=True)
class TriageResult:
    """A batch as it is in the database."""

    batch_id: str
    state: str
    model: str
    checkpoint_hash: str
    operating_point: dict[str, Any]
    engine: str | None
    num_files: int


def describe_batch(desk: Desk, batch_id: str) -> TriageResult:
    """Return a batch; raises InputNotFoundError."""
    with desk.reading() as session:
        batch = kept_batch(session, batch_id)
        point = batch.operating_point
        fields = ("name", "threshold", "uncertain_low", "uncertain_high", "rule", "chosen_on")
        return TriageResult(
            batch_id=batch.id,
            state=batch.state,
            model=batch.model_version.name,
            checkpoint_hash=batch.model_version.checkpoint_hash,
            operating_point={field: getattr(point, field) for field in fields},
            engine=batch.engine,
            num_files=batch.num_files or 0,
        )
