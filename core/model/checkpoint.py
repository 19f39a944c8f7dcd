"""Checkpoints: a folder with `weights.safetensors`, `card.json` and, where fitted, `gate.safetensors`."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from core.errors import CheckpointError
from core.language import tr
from core.model.card import ModelCard

WEIGHTS_FILE = "weights.safetensors"
GATE_FILE = "gate.safetensors"
CARD_FILE = "card.json"


SPLIT_FILE = "split.csv"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as arrays; needs no torch."""

    card: ModelCard
    weights: dict[str, np.ndarray]
    gate: dict[str, np.ndarray]
    folder: Path | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of the weights file: the checkpoint's identity."""
        return self.card.weights_hash


def save_checkpoint(
    folder: Path, weights: Mapping[str, np.ndarray], card: ModelCard, gate: Mapping[str, np.ndarray] | None = None
) -> Checkpoint:
    """Write a checkpoint and return it with its hashes filled in; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {WEIGHTS_FILE: save_arrays({name: np.ascontiguousarray(array) for name, array in weights.items()})}
    if gate:
        contents[GATE_FILE] = save_arrays({name: np.ascontiguousarray(array) for name, array in gate.items()})
    card = card.model_copy(
        update={
            "weights_hash": _sha256(contents[WEIGHTS_FILE]),
            "extras_hash": _sha256(contents[GATE_FILE]) if gate else "",
        }
    )
    contents[CARD_FILE] = (card.model_dump_json(indent=1) + "\n").encode()
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return Checkpoint(card, dict(weights), dict(gate or {}), folder)


def read_card(folder: Path) -> ModelCard:
    """Read only the card of a checkpoint; raises CheckpointError."""
    try:
        return ModelCard.model_validate_json((folder / CARD_FILE).read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(
            tr("{folder} is no checkpoint: it has no {card_file}.", folder=folder, card_file=CARD_FILE)
        ) from error
    except (ValidationError, OSError) as error:
        raise CheckpointError(
            tr(
                "The card {folder} cannot be read: {first_line}.",
                folder=folder / CARD_FILE,
                first_line=_first_line(error),
            )
        ) from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint and check its hashes; raises CheckpointError if anything was changed or damaged."""
    card = read_card(folder)
    weights = _load_verified(folder / WEIGHTS_FILE, card.weights_hash)
    gate = _load_verified(folder / GATE_FILE, card.extras_hash) if card.extras_hash else {}
    return Checkpoint(card, {name: _single(array) for name, array in weights.items()}, gate, folder)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new and nothing between."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _load_verified(path: Path, expected_hash: str) -> dict[str, np.ndarray]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            tr(
                "The checkpoint lacks {name} or it cannot be opened: {strerror}.",
                name=path.name,
                strerror=error.strerror,
            )
        ) from error
    if _sha256(content) != expected_hash:
        raise CheckpointError(
            tr(
                "{path} was changed or damaged after it was saved (its hash is not the card's). Copy the checkpoint "
                "again from where it came.",
                path=path,
            )
        )
    try:
        return load_arrays(content)
    except SafetensorError as error:
        raise CheckpointError(tr("{path} is no safetensors file: {error}.", path=path, error=error)) from error


def _single(array: np.ndarray) -> np.ndarray:
    """Weights may be stored at half precision; everything computes in single."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
