"""Tables of datasets: indexed folders, their imports and their saved splits."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Work, utc_now


class Cohort(Base):
    """A folder of radiographs as it was when it was indexed."""

    __tablename__ = "cohort"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    root: Mapped[str] = mapped_column(Text)
    num_images: Mapped[int]
    summary: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


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
    """A split that has a name; never changed afterwards. Its files are in a table of the desk's home."""

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
