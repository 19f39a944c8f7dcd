"""Which operating point a model reads at: its card's own, or one that was kept under a name."""

import re
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError
from core.evaluation.operating_point import OperatingPoint
from core.language import tr
from core.model.card import ModelCard
from core.services.desk import Desk
from core.services.models.lookup import VERSION_NAME, model_card
from db import models as tables

OWN = ""
"""Names the operating point on the model's card."""
_NAMED = re.compile(r"(?P<name>.+?)(?:@(?P<version>[1-9]\d{0,8}))?", re.DOTALL)


def record_operating_point(session: Session, card: ModelCard) -> tables.OperatingPoint:
    """Return the database's row for the operating point of a checkpoint, adding it at first use."""
    values = operating_point_of(card).model_dump()
    same = [getattr(tables.OperatingPoint, field) == value for field, value in values.items()]
    row = session.scalar(
        select(tables.OperatingPoint).where(tables.OperatingPoint.checkpoint_hash == card.weights_hash, *same)
    )
    if row is None:
        version = next_version(session, card.weights_hash, values["name"])
        row = tables.OperatingPoint(checkpoint_hash=card.weights_hash, version=version, **values)
        session.add(row)
        session.flush()
    return row


def stored_point(session: Session, model: str, card: ModelCard) -> tables.OperatingPoint:
    """Return the row of the operating point that a model reads at: the one it was promoted with, else its card's own.

    A card that was changed is refused when its model is loaded, so that what is stored once stays what is read at.
    """
    if version := VERSION_NAME.fullmatch(model):
        promoted = tables.PromotedVersion
        point_id = session.scalar(
            select(promoted.operating_point_id).where(
                promoted.name == version["name"], promoted.version == int(version["version"])
            )
        )
        if point_id is not None:
            return session.get_one(tables.OperatingPoint, point_id)
    return record_operating_point(session, card)


def next_version(session: Session, checkpoint_hash: str, name: str) -> int:
    """Return the version that the next operating point of this name gets, from 1 on."""
    same = (tables.OperatingPoint.checkpoint_hash == checkpoint_hash, tables.OperatingPoint.name == name)
    return 1 + (session.scalar(select(func.max(tables.OperatingPoint.version)).where(*same)) or 0)


def operating_point_of(card: ModelCard) -> OperatingPoint:
    """Return a checkpoint's operating point, or one that says that 0.5 was never chosen on any data."""
    return card.operating_point or OperatingPoint(
        name="not chosen",
        threshold=0.5,
        uncertain_low=0.5,
        uncertain_high=0.5,
        rule="0.5, for want of an operating point: no data chose it",
        chosen_on="nothing",
    )


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
            raise InputNotFoundError(tr("An operating point is named as NAME or NAME@VERSION."))
        version = found["version"]
        return cls(found["name"], int(version) if version else None)


def choose_row(session: Session, card: ModelCard, asked: str) -> tables.OperatingPoint:
    """Return the row of the operating point asked for, NAME or NAME@VERSION or nothing for the card's own.

    Raises InputNotFoundError where this very checkpoint has none so named: thresholds hold for one model only.
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
        raise InputNotFoundError(
            tr(
                "The model {model} has no operating point {operating_point!r}. It has: {points}. Each belongs to one "
                "checkpoint; choose one on the Experiments page or by `models choose-point`.",
                model=card.name,
                operating_point=asked,
                points=", ".join(names),
            )
            if names
            else tr(
                "The model {model} has no operating point {operating_point!r}. It has none but its card's own. Each "
                "belongs to one checkpoint; choose one on the Experiments page or by `models choose-point`.",
                model=card.name,
                operating_point=asked,
            )
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
