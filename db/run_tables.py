"""Tables of training runs and what they reported."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Work
from db.sweep_tables import SweepMember


class Run(SweepMember, Work, Base):
    """One training run: what was asked for, on what, and how it ended."""

    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_created_at", "created_at"),
        Index("ix_run_sweep_trial", "sweep_id", "trial_number", unique=True),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    config: Mapped[dict[str, Any]]
    cohort_fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    split_fingerprint: Mapped[str] = mapped_column(String(64))
    # Of a split that was saved; None where the run drew its own.
    split_name: Mapped[str | None] = mapped_column(String(128))
    environment: Mapped[dict[str, Any]]
    folder: Mapped[str] = mapped_column(Text)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    checkpoint_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    # The folder of the dataset; runs recorded before there was a queue know only its fingerprint.
    data: Mapped[str | None] = mapped_column(Text)
    device: Mapped[str] = mapped_column(String(32), default="cpu", server_default="cpu")
    # The cluster engine's job that carries it out, where it is no process of this machine.
    job: Mapped[str | None] = mapped_column(String(128))
    queued_at: Mapped[datetime | None]
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Of a run that failed or was lost: its class, what to do next (a code with values), and the end of its log.
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    metrics: Mapped[list["RunMetric"]] = relationship(
        back_populates="run", cascade="all, delete-orphan", passive_deletes=True
    )


class RunMetric(Base):
    """One number measured at the end of one epoch of a run."""

    __tablename__ = "run_metric"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float | None]

    run: Mapped[Run] = relationship(back_populates="metrics")


class RunStep(Base):
    """What one training step of a run gave; steps count from 1 over the whole run."""

    __tablename__ = "run_step"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    loss: Mapped[float]
    learning_rate: Mapped[float]
    films_per_second: Mapped[float | None]
