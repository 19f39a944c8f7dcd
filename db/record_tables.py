"""Runs that were made elsewhere and are only shown here."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, utc_now


class ImportedRecord(Base):
    """Makes a run an imported record: from then on triggers refuse to change or delete the run and its epochs."""

    __tablename__ = "imported_record"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    document_hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]]
    imported_at: Mapped[datetime] = mapped_column(default=utc_now)
