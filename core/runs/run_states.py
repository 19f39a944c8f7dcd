"""The full state of a run on disk, from which it continues as if it had never been interrupted.

A state file is its own SHA-256 in hex, then what torch writes: only tensors, numbers and text, so reading runs no code.
Two are kept: `last.state`, and `previous.state` for the case that the last one is damaged.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from core.errors import CheckpointError
from core.language import tr
from core.runs.reporting import RunStopped
from core.training.loop import EpochResult, TrainingState

LAST, PREVIOUS = "last.state", "previous.state"
DIGEST_CHARACTERS = 64


@dataclass
class StateKeeper:
    """Keeps the state of one run at every epoch, every so many seconds, and before it stops."""

    folder: Path
    seconds_between: float
    should_stop: Callable[[], bool] = lambda: False
    # Of the processes that share a run, one writes.
    writes: bool = True
    # Is told how many steps are done where a run continues.
    on_resume: Callable[[int], None] = lambda num_steps: None
    # Is told before a state is written.
    on_keeping: Callable[[], None] = lambda: None
    _state: TrainingState | None = field(default=None, init=False)
    _kept_at: float = field(default=0.0, init=False)

    def begin(self, state: TrainingState) -> None:
        """Take a state to keep, and bring it to where an earlier process got."""
        self._state, self._kept_at = state, time.monotonic()
        document = newest_state(self.folder)
        if document is not None:
            unpack(document, state)
        # Told also where a run starts again: it may have been killed before its first state was kept.
        self.on_resume(int(state.schedule.last_epoch))

    def after_step(self, is_asked: bool) -> None:
        """Keep the state if it is time to; raises RunStopped, with the state kept, if a stop was asked for."""
        if is_asked or time.monotonic() - self._kept_at >= self.seconds_between:
            self.keep()
        if is_asked:
            raise RunStopped

    def after_judged_batch(self) -> None:
        """Raise RunStopped, with the state kept, if a stop was asked for while the epoch's weights are evaluated."""
        if self.should_stop():
            self.keep()
            raise RunStopped

    def keep(self) -> None:
        """Write the state, so that a crash at any moment leaves a whole one; raises OSError."""
        if self._state is None or not self.writes:
            return
        self.on_keeping()
        write_state(pack(self._state), self.folder)
        self._kept_at = time.monotonic()


def pack(state: TrainingState) -> dict[str, Any]:
    """Return everything that moves while a run trains, random number generators included."""
    return {
        "model": state.model.state_dict(),
        "average": state.average.state_dict() if state.average is not None else None,
        "optimizer": state.optimizer.state_dict(),
        "schedule": state.schedule.state_dict(),
        "scaler": state.scaler.state_dict(),
        "random": torch.get_rng_state(),
        "random_gpu": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "epoch": state.epoch,
        "step": state.step,
        "losses": list(state.losses),
        "seconds_in_epoch": state.seconds_in_epoch,
        "epochs": [vars(result) for result in state.epochs],
        "best": state.best.state_dict(),
        "best_epoch": state.best_epoch,
        "best_score": state.best_score,
    }


def unpack(document: dict[str, Any], state: TrainingState) -> None:
    """Bring a fresh state of the same config to where a packed one was."""
    try:
        state.model.load_state_dict(document["model"])
        state.best.load_state_dict(document["best"])
        if state.average is not None:
            state.average.load_state_dict(document["average"])
        state.optimizer.load_state_dict(document["optimizer"])
        state.schedule.load_state_dict(document["schedule"])
        state.scaler.load_state_dict(document["scaler"])
        torch.set_rng_state(document["random"])
        if document["random_gpu"] and torch.cuda.device_count() == len(document["random_gpu"]):
            torch.cuda.set_rng_state_all(document["random_gpu"])
        state.epoch, state.step, state.losses = document["epoch"], document["step"], list(document["losses"])
        state.epochs = [EpochResult(**numbers) for numbers in document["epochs"]]
        # States of earlier versions do not say it.
        state.seconds_before = float(document.get("seconds_in_epoch", 0.0))
        state.best_epoch, state.best_score = document["best_epoch"], document["best_score"]
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            tr(
                "The checkpoint of this run was written by another version and does not fit. Clean the run's "
                "checkpoints and resume it to start at epoch 1, or clone it."
            )
        ) from error


def write_state(document: dict[str, Any], folder: Path) -> None:
    """Write a state in place of the last, which becomes the previous; raises OSError and leaves both as they were."""
    stream = BytesIO()
    torch.save(document, stream)
    payload = stream.getbuffer()
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{LAST}.{os.getpid()}.part"
    try:
        with unfinished.open("wb") as file:
            file.write(hashlib.sha256(payload).hexdigest().encode())
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    if (folder / LAST).exists():
        (folder / LAST).replace(folder / PREVIOUS)
    unfinished.replace(folder / LAST)


def newest_state(folder: Path) -> dict[str, Any] | None:
    """Return the last whole state, or None where none was written; raises CheckpointError if all are damaged."""
    damaged = []
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.exists():
            continue
        document = read_state(path)
        if document is not None:
            return document
        sys.stderr.write(f"{path} is damaged and was left out; the checkpoint before it is used.\n")
        damaged.append(path)
    if damaged:
        raise CheckpointError(
            tr(
                "Every checkpoint in {folder} is damaged. Clean the run's checkpoints and resume it to start at epoch "
                "1.",
                folder=folder,
            )
        )
    return None


def read_state(path: Path) -> dict[str, Any] | None:
    """Return what a state file holds, or None if it is not what was written."""
    content = path.read_bytes()
    digest, payload = content[:DIGEST_CHARACTERS], content[DIGEST_CHARACTERS:]
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        return None
    return torch.load(BytesIO(payload), map_location="cpu", weights_only=True)
