"""Which operating point a model reads at: its card's own, or one that was kept under a name."""

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError
from core.evaluation.operating_point import OperatingPoint
from core.model.card import ModelCard
from core.services.desk import Desk
from core.services.models import model_card, record_operating_point
from db import models as tables

OWN = ""
"""Names the operating point on the model's card."""
_NAMED = re.compile(r"(?P<name>.+?)(?:@(?P<version>[1-9]\d{0,8}))?", re.DOTALL)


@dataclass(frozen=True)
class PointName:
    """A kept operating point as people name it: the newest version unless one is given."""

    name: str
    version: int | None = None

    @classmethod
    def read(cls, text: str) -> "PointName":
        """Return what NAME or NAME@VERSION names."""
        found = _NAMED.fullmatch(text.strip())
        if found is None:
            raise InputNotFoundError("An operating point is named as NAME or NAME@VERSION.")
        version = found["version"]
        return cls(found["name"], int(version) if version else None)


def choose_row(session: Session, card: ModelCard, asked: str) -> tables.OperatingPoint:
    """Return the row of the operating point asked for, NAME or NAME@VERSION or nothing for the card's own.

    Raises InputNotFoundError where this very checkpoint has none so called: thresholds hold for one model only.
    """
    if asked == OWN:
        return record_operating_point(session, card)
    wanted = PointName.read(asked)
    point = tables.OperatingPoint
    query = select(point).where(point.checkpoint_hash == card.weights_hash, point.name == wanted.name)
    if wanted.version is not None:
        query = query.where(point.version == wanted.version)
    row = session.scalar(query.order_by(point.version.desc()).limit(1))
    if row is None:
        names = session.scalars(
            select(point.name).where(point.checkpoint_hash == card.weights_hash).distinct().order_by(point.name)
        ).all()
        there_are = f"It has: {', '.join(names)}." if names else "It has none but its card's own."
        raise InputNotFoundError(
            f"The model {card.name} has no operating point {asked!r}. {there_are} "
            "Each belongs to one checkpoint; choose one on the Experiments page or by `models choose-point`."
        )
    return row


def point_of_batch(desk: Desk, batch_id: str) -> OperatingPoint:
    """Return the operating point that a batch is read at."""
    with desk.reading() as session:
        return point_of_row(session.get_one(tables.Batch, batch_id).operating_point)


def point_of_row(row: tables.OperatingPoint) -> OperatingPoint:
    """Return the operating point that a row holds."""
    return OperatingPoint(**{name: getattr(row, name) for name in OperatingPoint.model_fields})


def named_point(desk: Desk, model: str, asked: str) -> OperatingPoint | None:
    """Return the kept operating point that is named, None for the card's own; raises InputNotFoundError."""
    if asked == OWN:
        return None
    with desk.reading() as session:
        return point_of_row(choose_row(session, model_card(desk, model), asked))


def choosable_points(desk: Desk, model: str) -> list[str]:
    """Return the kept operating points of a model as NAME@VERSION, newest first; its card's own is not among them."""
    point = tables.OperatingPoint
    card = model_card(desk, model)
    own = card.operating_point
    with desk.reading() as session:
        rows = session.scalars(
            select(point).where(point.checkpoint_hash == card.weights_hash).order_by(point.id.desc())
        ).all()
        return [f"{row.name}@{row.version}" for row in rows if own is None or point_of_row(row) != own]
