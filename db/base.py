"""What every table rests on: moments in UTC, and names for every constraint."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sqlalchemy import (
    JSON,
    CursorResult,
    DateTime,
    Dialect,
    MetaData,
    Result,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.states import State


class UtcDateTime(TypeDecorator[datetime]):
    """A moment that is UTC going in and coming out, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone, and store the rest as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored moment its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can name it too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, datetime: UtcDateTime}


def table_of(mapped: type[Base]) -> Table:
    """Return a class's table, for writing rows past the mapper."""
    return cast("Table", mapped.__table__)


def num_changed(result: Result[Any]) -> int:
    """Return how many rows an UPDATE or DELETE found."""
    return cast("CursorResult[Any]", result).rowcount


class CarriedOut:
    """Columns that name the process by which something is carried out."""

    pid: Mapped[int | None]
    process_started: Mapped[float | None]
    boot_id: Mapped[str | None] = mapped_column(String(64))
    # The machine or container; None for processes of before it was recorded.
    host: Mapped[str | None] = mapped_column(String(128))


class Work(CarriedOut):
    """Columns of anything that a process of its own carries out; each has an id of its own."""

    if TYPE_CHECKING:
        id: Mapped[str]
    state: Mapped[str] = mapped_column(String(16), default=State.QUEUED.value, index=True)
    # By the clock of the database, which is one for all hosts.
    heartbeat_at: Mapped[datetime | None]
    stop_requested: Mapped[bool] = mapped_column(default=False)
    stop_requested_at: Mapped[datetime | None]
    num_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    # Why it ended before its end: codes with values.
    reasons: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Analysed:
    """Columns of what an image was found to be, whichever way it came."""

    file_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    status: Mapped[str] = mapped_column(String(16))
    reason_code: Mapped[str] = mapped_column(String(48))
    # The sentence of rows from before reasons were kept as codes with values; empty since.
    reason: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    probability: Mapped[float | None]
    logit: Mapped[float | None]
    gate_distance: Mapped[float | None]
    finding: Mapped[str | None] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    # As `core.triage.saliency` packs it.
    activation_map: Mapped[bytes | None]
