"""Why a run ended before its end: what happened, what it means, what to do next."""

import errno
from dataclasses import dataclass
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
from core.reasons import Reason
from core.runs.work_queue import Gone
from core.work_reasons import NextStep, NoBatchFits, RunLost, SmallerBatchFits, StepNeedsMemory, why_of


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


MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory", "bad_alloc")
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Failure:
    """One failure: its class, what happened, what to do next, and the end of the run's log."""

    kind: FailureKind
    explanation: Reason
    next_step: Reason
    log: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as the database keeps it beside the explanation."""
        return {"kind": self.kind.value, "next_step": self.next_step.stored(), "log": self.log}


def explain(error: BaseException) -> Failure:
    """Return the failure that an exception stands for; the cause of an exception may say more than itself."""
    kind = _kind(error)
    if kind is FailureKind.UNKNOWN and error.__cause__ is not None:
        kind = _kind(error.__cause__)
    why = StepNeedsMemory() if _is_of_others(error, kind) else why_of(error)
    return Failure(kind, why, NextStep(kind.value))


def next_step_with_batch(fitting: int | None) -> Reason:
    """Return what to do where memory was short, by the largest smaller batch that would fit (None if none would)."""
    return NoBatchFits() if fitting is None else SmallerBatchFits(fitting)


def vanished(how: Gone, host: str | None) -> Failure:
    """Return the failure of a run whose process is gone and left no word."""
    kinds = {Gone.REBOOTED: FailureKind.LOST_POWER, Gone.SILENT: FailureKind.UNHEARD}
    kind = kinds.get(how, FailureKind.KILLED)
    return Failure(kind, RunLost(how.value, host), NextStep(kind.value))


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


def _is_of_others(error: BaseException, kind: FailureKind) -> bool:
    """Return whether memory was short in code of others, whose message says less than that."""
    has_words = isinstance(error, PneumoDeskError) or (isinstance(error, OSError) and bool(error.strerror))
    return kind is FailureKind.OUT_OF_MEMORY and not has_words
