"""Why a batch, an import, a run or a search ended before its end, and what to do then: kinds of reasons.

`core.reason_words_work` has the words, as whole sentences; codes and the names of values are stored, so they stay.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

from core.errors import PneumoDeskError
from core.language import Sentence
from core.reasons import Reason, Said


@dataclass(frozen=True)
class WorkLost(Reason):
    """The process of a batch or an import is gone: `how` is ended, rebooted, silent or never_came, `host` where."""

    code: ClassVar[str] = "work_lost"
    how: str
    host: str | None


@dataclass(frozen=True)
class RunLost(Reason):
    """The process of a run is gone: `how` is ended, rebooted, silent or never_came, `host` where."""

    code: ClassVar[str] = "run_lost"
    how: str
    host: str | None


@dataclass(frozen=True)
class Interrupted(Reason):
    """A person or the system interrupted the process."""

    code: ClassVar[str] = "interrupted"


@dataclass(frozen=True)
class BatchTakenOver(Reason):
    """The batch was given to another process after a long silence of this one."""

    code: ClassVar[str] = "batch_taken_over"


@dataclass(frozen=True)
class ImportTakenOver(Reason):
    """The import was given to another process after a long silence of this one."""

    code: ClassVar[str] = "import_taken_over"


@dataclass(frozen=True)
class FileRefused(Reason):
    """The system refused a file or folder (None where it does not name one); `detail` is what it says."""

    code: ClassVar[str] = "file_refused"
    path: str | None
    detail: str


@dataclass(frozen=True)
class ForeignError(Reason):
    """Code of others raised an error that names no code: its class and its message."""

    code: ClassVar[str] = "foreign_error"
    error: str
    detail: str


@dataclass(frozen=True)
class StepNeedsMemory(Reason):
    """A training step needs more memory than there is."""

    code: ClassVar[str] = "step_needs_memory"


@dataclass(frozen=True)
class FailedInARow(Reason):
    """A search ended since its last runs all failed; `last` is why the last one did, as it is stored."""

    code: ClassVar[str] = "failed_in_a_row"
    num_runs: int
    last: list[Mapping[str, Any]]


@dataclass(frozen=True)
class DrawnChoicesClash(Reason):
    """A search ended since the choices that it drew last never went together."""

    code: ClassVar[str] = "drawn_choices_clash"
    num_times: int


@dataclass(frozen=True)
class NextStep(Reason):
    """What to do after a failure, by the class of the failure (`core.runs.failures.FailureKind`)."""

    code: ClassVar[str] = "next_step"
    kind: str


@dataclass(frozen=True)
class SmallerBatchFits(Reason):
    """By a trial a batch of this many images fits into the memory that is free."""

    code: ClassVar[str] = "smaller_batch_fits"
    num_images: int


@dataclass(frozen=True)
class NoBatchFits(Reason):
    """By a trial not even two images fit into the memory that is free."""

    code: ClassVar[str] = "no_batch_fits"


@dataclass(frozen=True)
class Worded(Reason):
    """A sentence of the desk without a code of its own: the message as the code says it, and what fills it in."""

    code: ClassVar[str] = "worded"
    message: str
    plural: str | None
    filled: Mapping[str, Any]


def why_of(error: BaseException) -> Reason:
    """Return why an exception ended a piece of work."""
    if isinstance(error, PneumoDeskError):
        return error.why if isinstance(error.why, Reason) else worded(error.why)
    if isinstance(error, KeyboardInterrupt):
        return Interrupted()
    if isinstance(error, OSError) and error.strerror:
        return FileRefused(str(error.filename) if error.filename else None, error.strerror)
    return ForeignError(type(error).__name__, str(error))


def worded(sentence: str) -> Reason:
    """Return a sentence as the message it was made of with its values; as it is where it cannot be said again so."""
    if not isinstance(sentence, Sentence):
        return Said(sentence)
    filled = {name: _kept_value(value) for name, value in sentence.values.items()}
    reason = Worded(sentence.message, sentence.plural, filled)
    return reason if str(reason) == sentence else Said(sentence)


def _kept_value(value: object) -> Any:
    """Return a value of a sentence as JSON can hold it: sentences and errors in it as reasons, the rest as text."""
    if isinstance(value, Sentence):
        return worded(value).stored()
    if isinstance(value, Reason):
        return value.stored()
    if isinstance(value, PneumoDeskError):
        return why_of(value).stored()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) and math.isfinite(value) else str(value)
