"""What was measured of a model beside its figures: kept with the images it rests on, the newest shown on its card."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from core.language import mark
from core.services.desk import Desk
from core.services.desk.provenance import code_version
from db import models as tables


class MeasurementKind(StrEnum):
    """What can be measured."""

    STRESS = "stress"
    GATE = "gate"


class ModelMeasured(BaseModel):
    """What every measurement of a model says: of which weights, and on which images."""

    model_config = ConfigDict(frozen=True)

    model: str
    checkpoint_hash: str
    cohort_fingerprint: str
    split: str
    engine: str = Field(
        default="", description=mark("What computed the scores, with its number format; empty if not recorded.")
    )


@dataclass(frozen=True)
class Measurement:
    """One measurement; `result` is the document that the command line prints."""

    kind: MeasurementKind
    model: str
    checkpoint_hash: str
    cohort_fingerprint: str
    split: str
    code: str
    result: dict[str, Any]
    created_at: datetime


def keep_measurement(desk: Desk, kind: MeasurementKind, measured: ModelMeasured) -> None:
    """Keep what was measured of a checkpoint on the images of one split."""
    with desk.transaction() as session:
        session.add(
            tables.ModelMeasurement(
                kind=kind.value,
                model=measured.model,
                checkpoint_hash=measured.checkpoint_hash,
                cohort_fingerprint=measured.cohort_fingerprint,
                split=measured.split,
                result=measured.model_dump(mode="json"),
                code=code_version(),
            )
        )


def latest_measurement(desk: Desk, checkpoint_hash: str, kind: MeasurementKind) -> Measurement | None:
    """Return the newest measurement of a checkpoint, None if there is none."""
    row_of = tables.ModelMeasurement
    with desk.reading() as session:
        row = session.scalar(
            select(row_of)
            .where(row_of.checkpoint_hash == checkpoint_hash, row_of.kind == kind.value)
            .order_by(row_of.created_at.desc(), row_of.id.desc())
            .limit(1)
        )
        if row is None:
            return None
        return Measurement(
            kind=MeasurementKind(row.kind),
            model=row.model,
            checkpoint_hash=row.checkpoint_hash,
            cohort_fingerprint=row.cohort_fingerprint,
            split=row.split,
            code=row.code,
            result=row.result,
            created_at=row.created_at,
        )
