"""An import that holds still once its first files are read: `python -m tests.held_import ID`.

It stops itself as by SIGSTOP. Let go on, it waits until its sign of life has heard that it should stop.
"""

import os
import signal

import core.runs.heartbeat
from core.runs.heartbeat import Heartbeat
from core.services.datasets import import_jobs
from core.services.desk import Desk
from core.services.workers.dataset_import import main as work

core.runs.heartbeat.SECONDS_BETWEEN_BEATS = 0.05
SECONDS_TO_HEAR = 120


class Heard(Heartbeat):
    """A heartbeat that can be waited for."""

    latest: Heartbeat

    def __enter__(self) -> Heartbeat:
        Heard.latest = self
        return super().__enter__()


def held(desk: Desk, examination_id: str, **values: object) -> None:
    store(desk, examination_id, **values)
    if values.get("num_done"):
        os.kill(os.getpid(), signal.SIGSTOP)
        assert Heard.latest._stop.wait(SECONDS_TO_HEAR)


store, import_jobs._store, import_jobs.Heartbeat = import_jobs._store, held, Heard
if __name__ == "__main__":
    work()
