"""Tables of triage: batches, readings, readers' findings and the site's rules."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Analysed, Base, Work, utc_now
from db.model_tables import ModelVersion, OperatingPoint


class Batch(Work, Base):
    """One triage of one or more files with one model at one operating point."""

    __tablename__ = "batch"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"), index=True)
    operating_point_id: Mapped[int] = mapped_column(ForeignKey("operating_point.id"))
    engine: Mapped[str | None] = mapped_column(String(64))
    # Of decoding, preprocessing and gate; None for batches from before it was recorded.
    reading_version: Mapped[int | None]
    request: Mapped[dict[str, Any]]
    reader: Mapped[str | None] = mapped_column(String(128))
    num_files: Mapped[int | None]
    num_done: Mapped[int] = mapped_column(default=0)
    # From then on it is on no list; a day later it is deleted for good.
    deleted_at: Mapped[datetime | None]

    model_version: Mapped[ModelVersion] = relationship()
    operating_point: Mapped[OperatingPoint] = relationship()
    readings: Mapped[list["Reading"]] = relationship(
        back_populates="batch", cascade="all, delete-orphan", passive_deletes=True
    )


class Reading(Analysed, Base):
    """What one file of a batch was found to be; written once."""

    __tablename__ = "reading"
    __table_args__ = (
        UniqueConstraint("batch_id", "file"),
        Index("ix_reading_study", "study", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"))
    file: Mapped[str] = mapped_column(Text)
    source_path: Mapped[str | None] = mapped_column(Text)
    source_member: Mapped[str | None] = mapped_column(Text)
    saliency_file: Mapped[str | None] = mapped_column(Text)
    # What readers evaluate: an image of a patient, named by `study_identity` alone.
    study: Mapped[str] = mapped_column(String(64))
    # Keyed pseudonyms of what a DICOM file says; None where it says nothing.
    patient: Mapped[str | None] = mapped_column(String(32))
    instance: Mapped[str | None] = mapped_column(String(32))
    # Of the pixels as they are analysed, by which the same image in two studies is found.
    image_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    taken_over_from: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    batch: Mapped[Batch] = relationship(back_populates="readings")


class Verdict(Base):
    """What a reader found in a study, with what the model had said; a row that `undoes` another takes it back."""

    __tablename__ = "verdict"
    __table_args__ = (Index("ix_verdict_study_reader", "study", "reader", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study: Mapped[str] = mapped_column(String(64))
    reading_id: Mapped[int | None] = mapped_column(ForeignKey("reading.id", ondelete="SET NULL"), index=True)
    reader: Mapped[str] = mapped_column(String(128))
    verdict: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text, default="")
    # Unique, so that of two who take the same verdict back at one moment, one does.
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("verdict.id", ondelete="CASCADE"), unique=True)
    checkpoint_hash: Mapped[str | None] = mapped_column(String(64))
    operating_point_id: Mapped[int | None] = mapped_column(ForeignKey("operating_point.id"))
    probability: Mapped[float | None]
    finding: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Assignment(Base):
    """To whom a study was given; the newest row counts, and one without a name takes it back."""

    __tablename__ = "assignment"
    __table_args__ = (Index("ix_assignment_study", "study", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study: Mapped[str] = mapped_column(String(64))
    assigned_to: Mapped[str | None] = mapped_column(String(128))
    assigned_by: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class WorklistRules(Base):
    """One version of the rules by which studies are put into bands; the newest counts."""

    __tablename__ = "worklist_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
