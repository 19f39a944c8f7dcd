"""What models said of labelled images, and what people say of runs."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, utc_now


class FilmSet(Base):
    """Labelled images in a fixed order, stored once for all models that read them; triggers refuse to change it."""

    __tablename__ = "film_set"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    num_films: Mapped[int]
    # Columns of equal length: files, labels (1 is pneumonia), patients, subtypes, content_hashes.
    films: Mapped[dict[str, Any]]


class PredictionSet(Base):
    """What one checkpoint said of every image of a set, once and for all; triggers refuse to change it."""

    __tablename__ = "prediction_set"
    __table_args__ = (UniqueConstraint("checkpoint_hash", "split", "film_set_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint_hash: Mapped[str] = mapped_column(String(64))
    split: Mapped[str] = mapped_column(String(64))
    film_set_id: Mapped[int] = mapped_column(ForeignKey("film_set.id"), index=True)
    cohort_fingerprint: Mapped[str] = mapped_column(String(64))
    engine: Mapped[str] = mapped_column(String(64))
    # Platt scaling at the time: probability = 1 / (1 + exp(-(slope * logit + intercept))).
    slope: Mapped[float]
    intercept: Mapped[float]
    # One little-endian double for each image, in the order of the image set.
    logits: Mapped[bytes] = mapped_column(LargeBinary)
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    film_set: Mapped[FilmSet] = relationship()


class RunAnnotation(Base):
    """What people say of a run: starred, a note, put away, deleted (and restored)."""

    __tablename__ = "run_annotation"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    starred: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(Text, default="")
    archived_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class RunTag(Base):
    """One tag of one run."""

    __tablename__ = "run_tag"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
