"""Why a run ended before its end, in words: what happened, what it means, what to do next."""

import errno
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from core.errors import (
    CohortError,
    DatabaseError,
    InputNotFoundError,
    LossNotFiniteError,
    PneumoDeskError,
    RadiographError,
    SettingsError,
    WeightsError,
)
from core.runs.work_queue import Gone


class FailureKind(StrEnum):
    """The classes of failure that a run can meet."""

    OUT_OF_MEMORY = "out of memory"
    BAD_FILE = "bad file"
    LOSS_NOT_FINITE = "loss not finite"
    DISK_FULL = "disk full"
    NOT_WRITABLE = "folder not writable"
    DATA_GONE = "data gone"
    BAD_CONFIG = "configuration"
    NO_WEIGHTS = "weights not available"
    DATABASE = "database"
    KILLED = "killed"
    LOST_POWER = "lost power"
    UNHEARD = "not heard of"
    UNKNOWN = "unknown"


NEXT_STEPS = {
    FailureKind.OUT_OF_MEMORY: "Clone the run with a smaller batch size (half of it is a good first try) or smaller "
    "images, or end other programs that use much memory, then requeue it.",
    FailureKind.BAD_FILE: "Repair, replace or remove the file that is named, then requeue the run.",
    FailureKind.LOSS_NOT_FINITE: "Clone the run with a smaller learning rate (a tenth is a good first try) or fp32 "
    "precision.",
    FailureKind.DISK_FULL: "Free some space, for example by cleaning checkpoints of other runs, then resume the run.",
    FailureKind.NOT_WRITABLE: "Let this user write the folder that is named, or set PNEUMODESK_HOME to another, then "
    "resume the run.",
    FailureKind.DATA_GONE: "Put the folder of the dataset back, or clone the run with the folder's new place.",
    FailureKind.BAD_CONFIG: "Clone the run and correct the choice that is named.",
    FailureKind.NO_WEIGHTS: "Clone the run with weights from the package, a file, or none.",
    FailureKind.DATABASE: "Close other programs that hold the database, then resume the run.",
    FailureKind.KILLED: "Resume the run: it continues from its last checkpoint. If it happens again, watch the memory: "
    "a system that runs out of it kills processes without warning.",
    FailureKind.UNHEARD: "See whether that machine or container still runs and reaches the database, then resume "
    "the run: it continues from its last checkpoint.",
    FailureKind.LOST_POWER: "Resume the run: it continues from its last checkpoint.",
    FailureKind.UNKNOWN: "Read the end of the run's log, then resume or clone the run.",
}
MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory", "bad_alloc")
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Failure:
    """One failure: its class, what happened in a sentence, what to do next, and the end of the run's log."""

    kind: FailureKind
    explanation: str
    next_step: str
    log: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as the database keeps it."""
        return {name: str(value) for name, value in asdict(self).items()}


def explain(error: BaseException) -> Failure:
    """Return the failure that an exception stands for; the cause of an exception may say more than itself."""
    kind = _kind(error)
    if kind is FailureKind.UNKNOWN and error.__cause__ is not None:
        kind = _kind(error.__cause__)
    return Failure(kind, _sentence(error, kind), NEXT_STEPS[kind])


def next_step_with_batch(fitting: int | None) -> str:
    """Return what to do where memory was short, by the largest smaller batch that would fit (None if none would)."""
    if fitting is None:
        return (
            "By a short trial not even two images would fit into the memory that is free now: end other programs that "
            "use much memory, or clone the run with smaller images or a smaller network."
        )
    return (
        f"By a short trial a batch of {fitting} images would fit into the memory that is free now: clone the run "
        f"with batch size {fitting}."
    )


def vanished(how: Gone, host: str | None) -> Failure:
    """Return the failure of a run whose process is gone and left no word."""
    if how is Gone.REBOOTED:
        kind = FailureKind.LOST_POWER
        sentence = "The machine was restarted or lost power while this run was running."
    elif how is Gone.SILENT:
        kind = FailureKind.UNHEARD
        sentence = f"Nothing has been heard for minutes of this run's process on {host or 'another machine'}."
    else:
        kind = FailureKind.KILLED
        sentence = "The process of this run exited unexpectedly: it was killed from outside, or the system ended it."
    return Failure(kind, sentence, NEXT_STEPS[kind])


def _kind(error: BaseException) -> FailureKind:
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(word in said for word in MEMORY_WORDS):
        return FailureKind.OUT_OF_MEMORY
    if isinstance(error, OSError):
        return _kind_of_system_error(error)
    # torch reports a file that could not be written to its end in words only.
    if isinstance(error, RuntimeError) and ("no space left" in said or "file write failed" in said):
        return FailureKind.DISK_FULL
    kinds = {
        LossNotFiniteError: FailureKind.LOSS_NOT_FINITE,
        RadiographError: FailureKind.BAD_FILE,
        InputNotFoundError: FailureKind.DATA_GONE,
        CohortError: FailureKind.BAD_FILE,
        SettingsError: FailureKind.BAD_CONFIG,
        WeightsError: FailureKind.NO_WEIGHTS,
    }
    for type_, kind in kinds.items():
        if isinstance(error, type_):
            return kind
    if isinstance(error, DatabaseError):
        return FailureKind.DISK_FULL if "disk is full" in said else FailureKind.DATABASE
    return FailureKind.UNKNOWN


def _kind_of_system_error(error: OSError) -> FailureKind:
    if error.errno in FULL_DISK:
        return FailureKind.DISK_FULL
    if error.errno == errno.ENOMEM:
        return FailureKind.OUT_OF_MEMORY
    if error.errno in FORBIDDEN:
        return FailureKind.NOT_WRITABLE
    return FailureKind.DATA_GONE if error.errno == errno.ENOENT else FailureKind.BAD_FILE


def _sentence(error: BaseException, kind: FailureKind) -> str:
    if isinstance(error, PneumoDeskError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}."
    if kind is FailureKind.OUT_OF_MEMORY:
        return "There was not enough memory for a training step."
    return f"{type(error).__name__}: {error}"
