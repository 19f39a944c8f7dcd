"""Sweeps: many runs that were asked for as one, and which of them a run is."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, utc_now


class Sweep(Base):
    """What was asked for as one; how it stands follows from its runs."""

    __tablename__ = "sweep"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    request: Mapped[dict[str, Any]]
    num_trials: Mapped[int]
    # A search is open while there are trials to ask for, to evaluate or to tell; other sweeps have all runs at once.
    is_open: Mapped[bool] = mapped_column(default=False, index=True)
    # Why it ended before its end: codes with values.
    reasons: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class SweepMember:
    """Columns of a run that may be part of a sweep."""

    sweep_id: Mapped[str | None] = mapped_column(ForeignKey("sweep.id", ondelete="SET NULL"))
    # From 0 on; unique within its sweep, so that no trial is queued twice.
    trial_number: Mapped[int | None]
    # The epoch (from 1) after which it was found unpromising and asked to stop.
    pruned_epoch: Mapped[int | None]
