"""Ensembles: a folder with `ensemble.json`, a card of its own and the whole checkpoint of every member."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from core.errors import CheckpointError
from core.language import tr
from core.model.card import ModelCard
from core.model.checkpoint import CARD_FILE, Checkpoint, load_checkpoint, read_card, save_checkpoint, write_atomically
from core.model.ensemble_recipe import EnsembleRecipe

ENSEMBLE_FILE = "ensemble.json"


@dataclass(frozen=True)
class Ensemble:
    """An ensemble with its members' arrays; stands wherever a checkpoint does. Needs no torch."""

    card: ModelCard
    recipe: EnsembleRecipe
    members: tuple[Checkpoint, ...]
    folder: Path | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of `ensemble.json`, which holds the hash of each member: the ensemble's identity."""
        return self.card.weights_hash

    @property
    def gate(self) -> dict[str, np.ndarray]:
        """The gate of the member that keeps the door."""
        return self.members[self.recipe.gate_member].gate


def load_model(folder: Path) -> Checkpoint | Ensemble:
    """Read a checkpoint or an ensemble and check its hashes; raises CheckpointError."""
    return load_ensemble(folder) if (folder / ENSEMBLE_FILE).is_file() else load_checkpoint(folder)


def load_ensemble(folder: Path) -> Ensemble:
    """Read an ensemble, every member's hash checked; raises CheckpointError if anything was changed or damaged."""
    card = read_card(folder)
    content = _content(folder / ENSEMBLE_FILE)
    if hashlib.sha256(content).hexdigest() != card.weights_hash:
        raise CheckpointError(
            tr(
                "{folder} was changed after it was saved (its hash is not the card's). Copy the ensemble again from "
                "where it came.",
                folder=folder / ENSEMBLE_FILE,
            )
        )
    recipe = _parsed(content, folder)
    members = []
    for member in recipe.members:
        checkpoint = load_checkpoint(folder / member.folder)
        if checkpoint.hash != member.checkpoint_hash:
            raise CheckpointError(
                tr(
                    "The member {name} in {folder} is not the one that was put in.",
                    name=member.name,
                    folder=folder / member.folder,
                )
            )
        members.append(checkpoint)
    return Ensemble(card, recipe, tuple(members), folder)


def read_recipe(folder: Path) -> EnsembleRecipe:
    """Read only what an ensemble is made of; raises CheckpointError."""
    return _parsed(_content(folder / ENSEMBLE_FILE), folder)


def save_member(folder: Path, member: Checkpoint, *, half_precision: bool) -> Checkpoint:
    """Write a member's checkpoint below an ensemble, at half precision if asked."""
    weights = halved(member.weights) if half_precision else member.weights
    return save_checkpoint(folder, weights, member.card, member.gate)


def save_ensemble(folder: Path, recipe: EnsembleRecipe, card: ModelCard, members: Sequence[Checkpoint]) -> Ensemble:
    """Write `ensemble.json` and the card beside the members, which lie there already."""
    content = (recipe.model_dump_json(indent=1) + "\n").encode()
    card = card.model_copy(update={"weights_hash": hashlib.sha256(content).hexdigest(), "ensemble": recipe})
    write_atomically(folder / ENSEMBLE_FILE, content)
    write_atomically(folder / CARD_FILE, (card.model_dump_json(indent=1) + "\n").encode())
    return Ensemble(card, recipe, tuple(members), folder)


def halved(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights with every matrix and kernel at half precision.

    Vectors (biases, the means and variances of normalisation) stay as they are: they are small, and a variance can
    lie outside of what half precision can hold.
    """
    return {
        name: array.astype(np.float16) if array.ndim > 1 and array.dtype == np.float32 else array
        for name, array in weights.items()
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(tr("{path} cannot be opened: {strerror}.", path=path, strerror=error.strerror)) from error


def _parsed(content: bytes, folder: Path) -> EnsembleRecipe:
    try:
        return EnsembleRecipe.model_validate_json(content)
    except ValidationError as error:
        raise CheckpointError(
            tr(
                "{folder} cannot be read: {reason}.",
                folder=folder / ENSEMBLE_FILE,
                reason=str(error).splitlines()[0],
            )
        ) from error
