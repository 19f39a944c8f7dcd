"""What a worker tells of its run while it works, and how it hears that it should stop.

A thread writes once a second, in one short transaction, so that a training step never waits for the database.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.errors import DatabaseError
from db.base import table_of, utc_now
from db.models import Run, RunMetric, RunStep

SECONDS_BETWEEN_WORDS = 1.0
# Speed is the mean over about this many steps.
STEPS_OF_MEAN = 20
# For so long the end of a run waits for a database that is held or full, before what it has to say is given up.
SECONDS_OF_PATIENCE = 300.0

Transaction = Callable[[], AbstractContextManager[Session]]


class RunStopped(Exception):  # noqa: N818 - nothing went wrong
    """A run was asked to stop, and has kept what it needs to go on."""


@dataclass(frozen=True)
class Stage:
    """What a run does now, how much of it is done, and for how long it will go on."""

    stage: str
    num_done: int
    num_all: int
    detail: str = ""
    epoch: int | None = None
    num_epochs: int | None = None
    films_per_second: float | None = None
    seconds_per_step: float | None = None
    seconds_left: float | None = None


class Reporter:
    """Writes sign of life, progress and steps of one run; learns whether it should stop."""

    def __init__(self, transaction: Transaction, run_id: str) -> None:
        self._transaction = transaction
        self._run_id = run_id
        self._stage: Stage | None = None
        self._steps: list[dict[str, Any]] = []
        self._metrics: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True, name=f"reporter-{run_id}")

    @property
    def should_stop(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Note that a stop was asked for by a signal."""
        self._stop.set()

    def tell(self, stage: Stage) -> None:
        """Note what the run does now."""
        self._stage = stage

    def add_step(self, **numbers: Any) -> None:
        """Note the numbers of one step."""
        with self._lock:
            self._steps.append({"run_id": self._run_id, **numbers})

    def add_epoch(self, epoch: int, numbers: Mapping[str, float | None]) -> None:
        """Note the numbers of one epoch, which counts from 1; of an epoch noted twice the last ones stay."""
        with self._lock:
            for name, value in numbers.items():
                self._metrics.append({"run_id": self._run_id, "name": name, "epoch": epoch, "value": value})

    def forget_steps_after(self, step: int) -> None:
        """Delete steps that will be taken again."""
        # Of an earlier process none is still to be written; of this one, none has been taken.
        with self._transaction() as session:
            session.execute(delete(RunStep).where(RunStep.run_id == self._run_id, RunStep.step > step))

    def write(self) -> None:
        """Write what was noted; what cannot be written is kept for the next time."""
        with self._lock:
            steps, metrics = list(self._steps), list(self._metrics)
        stage = self._stage
        values: dict[str, Any] = {"heartbeat_at": utc_now()}
        if stage is not None:
            values["progress"] = asdict(stage)
        with self._transaction() as session:
            session.execute(update(Run).where(Run.id == self._run_id).values(**values))
            if steps:
                session.execute(insert(table_of(RunStep)), steps)
            for metric in metrics:
                session.merge(RunMetric(**metric))
            if session.scalar(select(Run.stop_requested).where(Run.id == self._run_id)):
                self._stop.set()
        with self._lock:
            del self._steps[: len(steps)]
            del self._metrics[: len(metrics)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        write_patiently(self.write)

    def _speak(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_WORDS):
            try:
                self.write()
            except DatabaseError as error:
                # Training goes on meanwhile: a database that is locked or full for a while must not cost a run.
                sys.stderr.write(f"{error} What this run has to say is kept until then.\n")


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


class Pace:
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
