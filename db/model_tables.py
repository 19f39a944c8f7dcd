"""Tables of models: versions, operating points, evaluations, promotions and which version was active when."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, utc_now


class PromotedVersion(Base):
    """One version of a named model; triggers refuse to delete it and to change anything but its archiving."""

    __tablename__ = "promoted_version"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    checkpoint_hash: Mapped[str] = mapped_column(String(64), index=True)
    card_hash: Mapped[str] = mapped_column(String(64))
    operating_point_id: Mapped[int] = mapped_column(ForeignKey("operating_point.id"))
    # What it was promoted from: a run, an ensemble, the bundled model, a folder.
    source: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text, default="")
    promoted_by: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]


class ModelActivation(Base):
    """One change of the active model, forwards or back; the newest row counts, and none is ever changed."""

    __tablename__ = "model_activation"

    id: Mapped[int] = mapped_column(primary_key=True)
    # NAME@VERSION, or the bundled model, which is no row of any table.
    model: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class KeptCard(Base):
    """The hash of a model's card as the desk first knew it, or as the desk itself wrote it last."""

    __tablename__ = "kept_card"
    __table_args__ = (UniqueConstraint("model", "checkpoint_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    # What `--model` calls it; the whole path of a folder that is no part of the desk.
    model: Mapped[str] = mapped_column(Text)
    checkpoint_hash: Mapped[str] = mapped_column(String(64))
    card_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ModelVersion(Base):
    """A checkpoint that has a name, found again by its hash."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("name", "checkpoint_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), index=True)
    checkpoint_hash: Mapped[str] = mapped_column(String(64), index=True)
    run_id: Mapped[str | None] = mapped_column(String(32))
    folder: Mapped[str] = mapped_column(Text)
    card: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class OperatingPoint(Base):
    """The threshold and the uncertain band chosen for one checkpoint; triggers refuse to change or delete it."""

    __tablename__ = "operating_point"
    __table_args__ = (
        UniqueConstraint(
            "checkpoint_hash", "name", "threshold", "uncertain_low", "uncertain_high", name="uq_operating_point_choice"
        ),
        Index("ix_operating_point_version", "checkpoint_hash", "name", "version", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint_hash: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(128))
    threshold: Mapped[float]
    uncertain_low: Mapped[float]
    uncertain_high: Mapped[float]
    rule: Mapped[str] = mapped_column(Text)
    chosen_on: Mapped[str] = mapped_column(Text)
    # Of one name and checkpoint, from 1 on: another choice under the same name is its next version.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Evaluation(Base):
    """One access to a split with one checkpoint, and the figures it gave; triggers refuse to change or delete it."""

    __tablename__ = "evaluation"

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint_hash: Mapped[str] = mapped_column(String(64), index=True)
    cohort_fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    split: Mapped[str] = mapped_column(String(64))
    report: Mapped[dict[str, Any]]
    # What it was opened for: its images were read, its figures were looked at, or models were compared on it.
    occasion: Mapped[str] = mapped_column(String(16), default="read", server_default="read")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
