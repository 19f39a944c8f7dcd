"""Tables of the REST API: keys, predictions and requests that may be sent twice."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Analysed, Base, CarriedOut, utc_now
from db.model_tables import ModelVersion, OperatingPoint


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


class Prediction(Analysed, Base):
    """What one image sent by itself was found to be, and all that this rests on; written once, the image is not
    kept.
    """

    __tablename__ = "prediction"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"), index=True)
    operating_point_id: Mapped[int] = mapped_column(ForeignKey("operating_point.id"))
    engine: Mapped[str] = mapped_column(String(64))
    sender: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)

    model_version: Mapped[ModelVersion] = relationship()
    operating_point: Mapped[OperatingPoint] = relationship()


class IdempotentRequest(CarriedOut, Base):
    """A request that its sender may repeat without its being carried out twice, and what it made."""

    __tablename__ = "idempotent_request"

    sender: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    resource: Mapped[str | None] = mapped_column(String(64))
    # What it will have made once it is carried out, whether or not its process lives to say so.
    promised: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
