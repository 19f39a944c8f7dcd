"""One reading with everything it rests on, for the reading pane."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputNotFoundError
from core.model.checkpoint import write_atomically
from core.services.desk import Desk
from core.services.films import draw_heatmap
from db import models as tables


@dataclass(frozen=True)
class ReadingDetail:
    """A reading, its film's place, its heatmap in the desk's home, and its lineage."""

    id: int
    batch_id: str
    file: str
    status: str
    reason: str
    priority: str
    finding: str | None
    probability: float | None
    gate_distance: float | None
    source_path: str | None
    source_member: str | None
    heatmap: Path | None
    lineage: dict[str, Any]


def get_reading(desk: Desk, reading_id: int) -> ReadingDetail:
    """Return a reading; its heatmap is drawn at the first visit. Raises InputNotFoundError."""
    with desk.reading() as session:
        reading = session.get(tables.Reading, reading_id)
        if reading is None:
            raise InputNotFoundError("This reading is no longer on the desk.")
        batch, model, point = reading.batch, reading.batch.model_version, reading.batch.operating_point
        return ReadingDetail(
            id=reading.id,
            batch_id=batch.id,
            file=reading.file,
            status=reading.status,
            reason=reading.reason,
            priority=reading.priority,
            finding=reading.finding,
            probability=reading.probability,
            gate_distance=reading.gate_distance,
            source_path=reading.source_path,
            source_member=reading.source_member,
            heatmap=_heatmap(desk, reading),
            lineage={
                "File (SHA-256)": reading.file_hash or "–",
                "Model": f"{model.name} ({model.checkpoint_hash[:16]})",
                "Run": model.run_id or "–",
                "Cohort": (model.card.get("cohort_fingerprint") or "–")[:16],
                "Operating point": f"{point.name}, threshold {point.threshold:.3f}, "
                f"uncertain {point.uncertain_low:.2f} to {point.uncertain_high:.2f}",
                "Chosen on": point.chosen_on,
                "Engine": batch.engine or "–",
                "Asked for by": batch.reader or "–",
                "Read at": f"{reading.created_at:%Y-%m-%d %H:%M:%S} UTC",
            },
        )


def _heatmap(desk: Desk, reading: tables.Reading) -> Path | None:
    map_hw = np.array(reading.activation_map or [], dtype=np.float32)
    if map_hw.ndim != 2 or not map_hw.any():
        return None
    path = desk.settings.worklists / reading.batch_id / "heatmaps" / f"{reading.id}.png"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, draw_heatmap(map_hw))
    return path
