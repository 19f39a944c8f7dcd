"""Runs that train nothing: `python -m tests.trivial_runs RUN` is one, `… supervise` a supervisor of such runs.

A run writes a made-up AUC for each epoch, waits a little after each, and is complete; it notes when it began.
"""

import os
import sys
import time
from pathlib import Path

from core.runs.executor import LocalProcesses
from core.runs.queueing import RUNS, end
from core.runs.supervisor import supervise
from core.services.desk import Desk, open_desk
from core.services.runs.supervision import LOCK_FILE, variables_of
from core.services.sweeps.search_loop import SweepTender
from db import models as tables
from db.states import State

SECONDS_PER_EPOCH = 0.05
HELD_FILE = "held.txt"
"""While it lies in the desk's home, no run gets on."""


def work(desk: Desk, run_id: str, seconds_per_epoch: float = SECONDS_PER_EPOCH) -> None:
    """Carry out a run; its AUC is 1 less the dropout, and rises by a hundredth with each epoch."""
    with desk.transaction() as session:
        assert RUNS.claim(session, run_id)
        config = session.get_one(tables.Run, run_id).config
    with (desk.settings.home / "began.txt").open("a") as file:
        file.write(f"{run_id} {time.time()}\n")
    for epoch in range(1, config["epochs"] + 1):
        time.sleep(seconds_per_epoch)
        while (desk.settings.home / HELD_FILE).exists():
            time.sleep(0.01)
        with desk.transaction() as session:
            if session.get_one(tables.Run, run_id).stop_requested:
                end(session.get_one(tables.Run, run_id), State.STOPPED)
                return
            value = 0.9 - config["dropout"] + epoch / 100
            session.add(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=epoch, value=value))
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.summary = {"best_epoch": config["epochs"]}
        end(run, State.COMPLETED)


def executor_of(desk: Desk) -> LocalProcesses:
    """Return what carries out such runs, each in a process of its own."""
    return LocalProcesses("tests.trivial_runs", lambda run_id: desk.settings.home / "log.txt", variables_of(desk))


def main() -> None:
    """Work or supervise, as asked."""
    desk = open_desk()
    if os.environ.get("RANK", "0") != "0":
        # Of the processes that share a run the first alone claims it and tells.
        return
    if sys.argv[1] == "supervise":
        lock: Path = desk.settings.runs / LOCK_FILE
        supervise(desk.reading, desk.transaction, executor_of(desk), lock, SweepTender(desk))
    else:
        work(desk, sys.argv[1])


if __name__ == "__main__":
    main()
