"""What a worker reports of its run while it works, and how it hears that it should stop.

A thread writes once a second, in one short transaction, so that a training step never waits for the database.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

from sqlalchemy import delete, insert

from core.errors import DatabaseError
from core.progress import Progress
from core.runs.heartbeat import Heartbeat
from core.runs.queueing import RUNS
from core.runs.work_queue import Sessions
from db.base import table_of
from db.models import RunMetric, RunStep

SECONDS_BETWEEN_WORDS = 1.0
# Speed is the mean over about this many steps.
STEPS_OF_MEAN = 20
# For so long the end of a run waits for a database that is held or full, before what it has to say is given up.
SECONDS_OF_PATIENCE = 300.0


class RunStopped(Exception):  # noqa: N818 - nothing went wrong
    """A run was asked to stop, and has kept what it needs to continue."""


@dataclass(frozen=True)
class TrainingProgress(Progress):
    """How far the training itself is, in steps."""

    epoch: int | None = None
    num_epochs: int | None = None
    films_per_second: float | None = None


class Reporter(Heartbeat):
    """A run's heartbeat, with its progress and its steps."""

    def __init__(self, transaction: Sessions, run_id: str) -> None:
        super().__init__(transaction, RUNS, run_id)
        self._progress: Progress | None = None
        self._steps: list[dict[str, Any]] = []
        self._metrics: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        # Held by who writes, so that two threads never write the same steps.
        self._writing = threading.Lock()

    def tell(self, progress: Progress) -> None:
        """Note what the run does now."""
        self._progress = progress

    def add_step(self, **numbers: Any) -> None:
        """Note the numbers of one step."""
        with self._lock:
            self._steps.append({"run_id": self._key, **numbers})

    def add_epoch(self, epoch: int, numbers: Mapping[str, float | None]) -> None:
        """Note the numbers of one epoch, which counts from 1; of an epoch noted twice the last ones stay."""
        with self._lock:
            for name, value in numbers.items():
                self._metrics.append({"run_id": self._key, "name": name, "epoch": epoch, "value": value})

    def forget_steps_after(self, step: int) -> None:
        """Delete steps that will be taken again."""
        # Of an earlier process none is still to be written; of this one, none has been taken.
        with self._transaction() as session:
            session.execute(delete(RunStep).where(RunStep.run_id == self._key, RunStep.step > step))

    def write_ahead(self) -> None:
        """Write what was noted before a state is kept, so that a kill between the two costs no step's numbers.

        While the database is held, training goes on, and what was noted is kept for the next time.
        """
        try:
            self.beat()
        except DatabaseError as error:
            sys.stderr.write(f"{error} What this run has to say is kept until then.\n")

    def beat(self) -> None:
        """Write what was noted; what cannot be written is kept for the next time."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        with self._lock:
            steps, metrics = list(self._steps), list(self._metrics)
        with self._transaction() as session:
            # Of a run that another process has been given, the steps are that process's to write.
            if self._sign(session):
                if steps:
                    session.execute(insert(table_of(RunStep)), steps)
                for metric in metrics:
                    session.merge(RunMetric(**metric))
        with self._lock:
            del self._steps[: len(steps)]
            del self._metrics[: len(metrics)]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        write_patiently(self.beat)

    def _pauses(self) -> tuple[float, float]:
        return SECONDS_BETWEEN_WORDS, SECONDS_BETWEEN_WORDS

    def _values(self) -> dict[str, Any]:
        progress = self._progress
        if progress is None:
            return {}
        kept = asdict(progress)
        kept["seconds_per_step"], kept["seconds_left"] = kept.pop("seconds_each"), progress.seconds_left
        return {"progress": kept}


def write_patiently(write: Callable[[], None]) -> None:
    """Write what must not be lost, again and again while the database is held or full; raises DatabaseError at last."""
    deadline = time.monotonic() + SECONDS_OF_PATIENCE
    while True:
        try:
            return write()
        except DatabaseError as error:
            if time.monotonic() > deadline:
                raise
            sys.stderr.write(f"{error} It is tried again.\n")
            time.sleep(SECONDS_BETWEEN_WORDS)


class StepTimer:
    """How fast steps follow one another, without the pauses between epochs."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds_per_step: float | None = None

    def step(self, is_first: bool) -> float | None:
        """Note a step and return the seconds it took; the first of an epoch has no step before it."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        if is_first:
            return None
        mean = self.seconds_per_step
        self.seconds_per_step = seconds if mean is None else mean + (seconds - mean) / STEPS_OF_MEAN
        return seconds
