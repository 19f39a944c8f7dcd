"""Images that this model version has analysed before: their readings are reused, and it is said that they were."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.services.desk import Desk
from core.services.models.lookup import identity_of_row
from core.services.triage.study_identity import identify
from core.triage.film_reading import CachedReading
from core.triage.priority import Status
from db import models as tables
from db.base import utc_now

TAKEN_OVER_FIELDS = (
    *("status", "reason_code", "reason", "reasons", "probability", "logit", "gate_distance", "finding", "priority"),
    *("activation_map", "image_hash"),
)


def earlier_readings(desk: Desk, batch_id: str) -> dict[str, int]:
    """Return, by the hash of each image that the same reader analysed at the same operating point, the reading.

    The same reader: weights, card, gate and the version of decoding. Batches from before that was recorded are not
    reused.
    """
    reading, batch, model = tables.Reading, tables.Batch, tables.ModelVersion
    with desk.reading() as session:
        this = session.get_one(batch, batch_id)
        identity = identity_of_row(this.model_version)
        versions = session.scalars(select(model).where(model.checkpoint_hash == this.model_version.checkpoint_hash))
        same_reader = [version.id for version in versions if identity_of_row(version) == identity]
        rows = session.execute(
            select(reading.file_hash, func.max(reading.id))
            .join(batch, batch.id == reading.batch_id)
            .where(
                batch.model_version_id.in_(same_reader),
                batch.reading_version == this.reading_version,
                batch.operating_point_id == this.operating_point_id,
                batch.deleted_at.is_(None),
                reading.file_hash.is_not(None),
                reading.status.in_((Status.READ.value, Status.REJECTED.value)),
            )
            .group_by(reading.file_hash)
        )
        return {file_hash: earlier for file_hash, earlier in rows if file_hash is not None}


def taken_over_rows(
    session: Session, desk: Desk, batch_id: str, films: Sequence[CachedReading]
) -> list[dict[str, Any]]:
    """Return rows for known images; one whose earlier reading was deleted meanwhile has none."""
    reading = tables.Reading
    query = select(reading.id, *(getattr(reading, field) for field in TAKEN_OVER_FIELDS)).where(
        reading.id.in_([film.reading_id for film in films])
    )
    earlier = {row["id"]: dict(row) for row in session.execute(query).mappings()}
    rows = []
    for film in films:
        if film.reading_id in earlier:
            row = {
                **{field: earlier[film.reading_id][field] for field in TAKEN_OVER_FIELDS},
                "batch_id": batch_id,
                "file": film.candidate.name,
                "file_hash": film.file_hash,
                "source_path": film.candidate.stored_path,
                "source_member": film.candidate.member,
                "saliency_file": None,
                "taken_over_from": film.reading_id,
                "created_at": utc_now(),
            }
            rows.append({**row, **identify(desk, row, film.origin)})
    return rows


def count_taken_over(desk: Desk, batch_id: str) -> int:
    """Return how many images of a batch were not read again."""
    reading = tables.Reading
    with desk.reading() as session:
        counted = select(func.count()).where(reading.batch_id == batch_id, reading.taken_over_from.is_not(None))
        return session.scalar(counted) or 0
