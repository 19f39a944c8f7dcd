"""An import that holds still once its first files are read: `python -m tests.held_import ID`.

It stops itself as by SIGSTOP, never while its sign of life holds the database: no other process could write then.
Let go on, it waits until that has heard that it should stop.
"""

import os
import signal
import threading

import core.runs.heartbeat
from core.runs.heartbeat import Heartbeat
from core.services.datasets import import_jobs
from core.services.desk import Desk
from core.services.workers.dataset_import import main as work
from tests.patience import PATIENCE_SECONDS

core.runs.heartbeat.SECONDS_BETWEEN_BEATS = 0.05
SECONDS_TO_HEAR = PATIENCE_SECONDS
WRITING = threading.Lock()


class Heard(Heartbeat):
    """A heartbeat that can be waited for."""

    latest: Heartbeat

    def __enter__(self) -> Heartbeat:
        Heard.latest = self
        return super().__enter__()

    def beat(self) -> None:
        with WRITING:
            super().beat()


def held(desk: Desk, examination_id: str, **values: object) -> None:
    store(desk, examination_id, **values)
    if values.get("num_done"):
        with WRITING:
            os.kill(os.getpid(), signal.SIGSTOP)
        assert Heard.latest._stop.wait(SECONDS_TO_HEAR)


store, import_jobs._store, import_jobs.Heartbeat = import_jobs._store, held, Heard
if __name__ == "__main__":
    work()
