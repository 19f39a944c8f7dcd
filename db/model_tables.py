"""Models that were promoted under a name, and which of them was active when."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
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
    # What it was promoted from: a run, an ensemble, the model in the box, a folder.
    source: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text, default="")
    promoted_by: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]


class ModelActivation(Base):
    """One change of the active model, forwards or back; the newest row counts, and none is ever changed."""

    __tablename__ = "model_activation"

    id: Mapped[int] = mapped_column(primary_key=True)
    # NAME@VERSION, or the model in the box, which is no row of any table.
    model: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
