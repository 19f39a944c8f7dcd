"""What was measured of a model's weights beside its accesses to labelled splits."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, utc_now


class ModelMeasurement(Base):
    """One run of the stresses or of the gate's test on one set of images; a later one is shown beside it."""

    __tablename__ = "model_measurement"
    __table_args__ = (Index("ix_model_measurement_of_weights", "checkpoint_hash", "kind", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    checkpoint_hash: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(Text)
    cohort_fingerprint: Mapped[str] = mapped_column(String(64))
    split: Mapped[str] = mapped_column(Text)
    result: Mapped[dict[str, Any]]
    code: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
