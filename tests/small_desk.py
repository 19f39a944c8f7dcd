"""A desk with batches and readings as triage leaves them, made without any model."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.services.desk import Desk, open_desk
from core.services.triage.study_identity import study_key
from core.settings import AppSettings
from core.triage.priority import Priority, Status
from core.triage.saliency import pack_map
from db import models as tables
from db.base import utc_now

CHECKPOINT = "c" * 64
CARD = {
    "name": "small",
    "architecture": "resnet18",
    "preprocessing": {"mean": [0.5], "std": [0.5]},
    "weights_hash": CHECKPOINT,
    "gate": {"threshold": 2.0, "rule": "by hand", "num_validation": 10, "validation_stopped": 0.0},
}
PRIORITIES = {"pneumonia": Priority.URGENT, "uncertain": Priority.REVIEW, "normal": Priority.ROUTINE}


def small_desk(home: Path, **settings: Any) -> Desk:
    """Return a desk of its own in a folder."""
    return open_desk(AppSettings(home=home, **settings))


def uploaded(desk: Desk, name: str, *files: str) -> Path:
    """Return the folder of an upload with these files, 100 times its name in each."""
    folder = desk.settings.uploads / name / "files"
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_bytes(file.encode() * 100)
    return folder


def finding_of(probability: float) -> str:
    """Return the finding at the operating point of these desks: indeterminate from 0.4 to 0.6."""
    if 0.4 <= probability <= 0.6:
        return "uncertain"
    return "pneumonia" if probability > 0.6 else "normal"


def add_batch(
    desk: Desk,
    films: Sequence[tuple[str, float | str]],
    *,
    batch_id: str = "first",
    hours_ago: float = 0,
    folder: Path | None = None,
    gate_distance: float = 1.0,
    contents: dict[str, str] | None = None,
    now: datetime | None = None,
    are_pictures: bool = False,
    patients: dict[str, str] | None = None,
) -> dict[str, int]:
    """Add a finished batch of named images, each with its probability or a status, and return their readings' ids.

    An image's content is its name unless `contents` says otherwise; it is then a DICOM instance, which says itself what
    it is, unless `are_pictures`: these are distinguished by their names.
    """
    when = (now or utc_now()) - timedelta(hours=hours_ago)
    with desk.transaction() as session:
        if session.get(tables.ModelVersion, 1) is None:
            session.add(tables.ModelVersion(id=1, name="small", checkpoint_hash=CHECKPOINT, folder="", card=CARD))
            session.add(
                tables.OperatingPoint(
                    id=1,
                    checkpoint_hash=CHECKPOINT,
                    name="by hand",
                    threshold=0.5,
                    uncertain_low=0.4,
                    uncertain_high=0.6,
                    rule="by hand",
                    chosen_on="nothing",
                )
            )
            session.flush()
        session.add(
            tables.Batch(
                id=batch_id,
                source=batch_id,
                model_version_id=1,
                operating_point_id=1,
                request={"paths": [str(folder or "/films")]},
                state="completed",
                num_files=len(films),
                num_done=len(films),
                created_at=when,
                finished_at=when,
            )
        )
        session.flush()
        rows = [_reading(batch_id, file, value, when, folder, gate_distance, contents or {}) for file, value in films]
        for row in rows:
            row.patient = (patients or {}).get(row.file)
            row.instance = f"instance-{row.file_hash[:12]}" if contents and not are_pictures else None
            row.study = study_key(vars(row), row.instance)
        session.add_all(rows)
        session.flush()
        return {row.file: row.id for row in rows}


def _reading(
    batch_id: str, file: str, value: float | str, when: Any, folder: Path | None, distance: float, contents: dict
) -> tables.Reading:
    content = (folder / file).read_bytes() if folder else contents.get(file, file).encode()
    content_hash = hashlib.sha256(content).hexdigest()
    is_read = not isinstance(value, str)
    finding = finding_of(value) if is_read else None
    status = Status.READ if is_read else Status(value)
    priority = PRIORITIES[finding] if finding else Priority.REVIEW
    return tables.Reading(
        batch_id=batch_id,
        file=file,
        file_hash=content_hash,
        image_hash=content_hash,
        status=status.value,
        reason_code=finding or "blank",
        reason="by hand",
        probability=value if is_read else None,
        gate_distance=distance,
        finding=finding,
        priority=priority.value,
        source_path=str(folder / file) if folder else f"/films/{file}",
        activation_map=pack_map(np.array([[1.0, 0.0], [0.0, 0.0]])) if is_read else None,
        created_at=when,
    )
