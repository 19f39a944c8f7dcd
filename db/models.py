"""The tables. Times are UTC; hashes are SHA-256 in hex; fractions are 0 to 1."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, utc_now
from db.experiment_tables import FilmSet, PredictionSet, RunAnnotation, RunTag
from db.measurement_tables import ModelMeasurement
from db.model_tables import ModelActivation, PromotedVersion
from db.record_tables import ImportedRecord
from db.states import State
from db.sweep_tables import Sweep, SweepMember

__all__ = [
    "Base",
    "FilmSet",
    "ImportedRecord",
    "ModelActivation",
    "ModelMeasurement",
    "PredictionSet",
    "PromotedVersion",
    "RunAnnotation",
    "RunTag",
    "Sweep",
    "utc_now",
]


class Work:
    """Columns of anything that a process of its own carries out."""

    state: Mapped[str] = mapped_column(String(16), default=State.QUEUED.value, index=True)
    pid: Mapped[int | None]
    process_started: Mapped[float | None]
    boot_id: Mapped[str | None] = mapped_column(String(64))
    heartbeat_at: Mapped[datetime | None]
    stop_requested: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Cohort(Base):
    """A folder of radiographs as it was when it was indexed."""

    __tablename__ = "cohort"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    root: Mapped[str] = mapped_column(Text)
    num_images: Mapped[int]
    summary: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


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
    # The folder of the cohort; runs recorded before there was a queue know only its fingerprint.
    data: Mapped[str | None] = mapped_column(Text)
    device: Mapped[str] = mapped_column(String(32), default="cpu", server_default="cpu")
    # The cluster engine's job that carries it out, where it is no process of this machine.
    job: Mapped[str | None] = mapped_column(String(128))
    queued_at: Mapped[datetime | None]
    stop_requested_at: Mapped[datetime | None]
    num_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
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


class Batch(Work, Base):
    """One triage of one or more files with one model at one operating point."""

    __tablename__ = "batch"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"), index=True)
    operating_point_id: Mapped[int] = mapped_column(ForeignKey("operating_point.id"))
    engine: Mapped[str | None] = mapped_column(String(64))
    request: Mapped[dict[str, Any]]
    reader: Mapped[str | None] = mapped_column(String(128))
    num_files: Mapped[int | None]
    num_done: Mapped[int] = mapped_column(default=0)

    model_version: Mapped[ModelVersion] = relationship()
    operating_point: Mapped[OperatingPoint] = relationship()
    readings: Mapped[list["Reading"]] = relationship(
        back_populates="batch", cascade="all, delete-orphan", passive_deletes=True
    )


class Reading(Base):
    """What one file of a batch was found to be; written once."""

    __tablename__ = "reading"
    __table_args__ = (
        UniqueConstraint("batch_id", "file"),
        Index("ix_reading_rank", "batch_id", "rank_order", "probability"),
        Index("ix_reading_study", "study", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"))
    file: Mapped[str] = mapped_column(Text)
    file_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    status: Mapped[str] = mapped_column(String(16))
    reason_code: Mapped[str] = mapped_column(String(48))
    reason: Mapped[str] = mapped_column(Text)
    probability: Mapped[float | None]
    logit: Mapped[float | None]
    gate_distance: Mapped[float | None]
    finding: Mapped[str | None] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    rank_order: Mapped[int]
    source_path: Mapped[str | None] = mapped_column(Text)
    source_member: Mapped[str | None] = mapped_column(Text)
    activation_map: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))
    saliency_file: Mapped[str | None] = mapped_column(Text)
    # What readers judge: the film's content hash, so that one film sent twice is one study.
    study: Mapped[str] = mapped_column(String(64))
    taken_over_from: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    batch: Mapped[Batch] = relationship(back_populates="readings")


class Evaluation(Base):
    """One opening of a split with one checkpoint, and the figures it gave; triggers refuse to change or delete it."""

    __tablename__ = "evaluation"

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint_hash: Mapped[str] = mapped_column(String(64), index=True)
    cohort_fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    split: Mapped[str] = mapped_column(String(64))
    report: Mapped[dict[str, Any]]
    # What it was opened for: its films were read, its figures were looked at, or models were compared on it.
    occasion: Mapped[str] = mapped_column(String(16), default="read", server_default="read")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ApiKey(Base):
    """A key for programs: who it is for and what it opens; of its secret only the hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Prediction(Base):
    """What one film sent by itself was found to be, and all that this rests on; written once, the film is not kept."""

    __tablename__ = "prediction"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    file_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    status: Mapped[str] = mapped_column(String(16))
    reason_code: Mapped[str] = mapped_column(String(48))
    reason: Mapped[str] = mapped_column(Text)
    probability: Mapped[float | None]
    logit: Mapped[float | None]
    gate_distance: Mapped[float | None]
    finding: Mapped[str | None] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    activation_map: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"), index=True)
    operating_point_id: Mapped[int] = mapped_column(ForeignKey("operating_point.id"))
    engine: Mapped[str] = mapped_column(String(64))
    sender: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)

    model_version: Mapped[ModelVersion] = relationship()
    operating_point: Mapped[OperatingPoint] = relationship()


class IdempotentRequest(Base):
    """A request that its sender may repeat without its being carried out twice, and what it made."""

    __tablename__ = "idempotent_request"

    sender: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    resource: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


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


class AuditEvent(Base):
    """Who did what when; triggers of the database refuse to change or delete a row."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(32), index=True)
    subject: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Examination(Work, Base):
    """One look at a folder of radiographs: indexed, measured and audited by a process of its own."""

    __tablename__ = "examination"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    root: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(16))
    reader: Mapped[str | None] = mapped_column(String(128))
    stage: Mapped[str] = mapped_column(String(32), default="")
    num_done: Mapped[int] = mapped_column(default=0)
    num_files: Mapped[int] = mapped_column(default=0)
    cohort_fingerprint: Mapped[str | None] = mapped_column(String(64), index=True)


class SavedSplit(Base):
    """A split that has a name; never changed afterwards. Its files stand in a table of the desk's home."""

    __tablename__ = "saved_split"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    cohort_fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    root: Mapped[str] = mapped_column(Text)
    config: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]]
    folder: Mapped[str] = mapped_column(Text)
    reader: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
