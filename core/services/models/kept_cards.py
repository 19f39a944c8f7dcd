"""The hash of each model's card as the desk first knew it: a card that was changed since is not read with."""

import hashlib
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import CheckpointError
from core.language import mark, tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, read_card
from core.services.desk import Desk
from db import models as tables

CHANGED = mark(
    "The card of {model} ({path}) was changed after this desk first knew it: its threshold and calibration can no "
    "longer be trusted. Put the former file back, or bring this model in under a name of its own (`models import`)."
)
REPLACED = mark(
    "The model {model} in {folder} is not the one that this desk knows by that name: its weights and its card were "
    "replaced. Put the former files back, or bring this model in under a name of its own (`models import`)."
)


def keep_card(session: Session, model: str, folder: Path) -> None:
    """Keep the hash of a card that the desk itself has just written; a later one of these weights takes its place."""
    weights_hash, card_hash = read_card(folder).weights_hash, _hash_of(folder)
    row = _row(session, model, weights_hash)
    if row is None:
        session.add(tables.KeptCard(model=model, checkpoint_hash=weights_hash, card_hash=card_hash))
    else:
        row.card_hash = card_hash
    session.flush()


def check_card(desk: Desk, model: str, folder: Path, *, is_desks_own: bool) -> ModelCard:
    """Return the card of a model that is known by a name, and keep its hash at first use.

    Raises CheckpointError if the card was changed since, and for a model of the desk's own if it was replaced whole.
    """
    card, card_hash = read_card(folder), _hash_of(folder)
    with desk.reading() as session:
        row = _row(session, model, card.weights_hash)
        known = row and row.card_hash
        of_other = select(tables.KeptCard.id).where(tables.KeptCard.model == model).limit(1)
        is_other = row is None and is_desks_own and session.scalar(of_other) is not None
    if is_other:
        raise CheckpointError(tr(REPLACED, model=model, folder=folder))
    if known is None:
        with desk.transaction() as session:
            if _row(session, model, card.weights_hash) is None:
                keep_card(session, model, folder)
    elif known != card_hash:
        raise CheckpointError(tr(CHANGED, model=model, path=folder / CARD_FILE))
    return card


def _row(session: Session, model: str, weights_hash: str) -> tables.KeptCard | None:
    row_of = tables.KeptCard
    return session.scalar(select(row_of).where(row_of.model == model, row_of.checkpoint_hash == weights_hash))


def _hash_of(folder: Path) -> str:
    return hashlib.sha256((folder / CARD_FILE).read_bytes()).hexdigest()
