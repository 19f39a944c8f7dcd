"""`python -m core.services.workers.supervisor`: the process that drains the queue of runs and then ends."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.runs.executor import JOB_VARIABLE, Executor, LocalProcesses
from core.runs.queueing import RUNS
from core.runs.ray_jobs import RayJobs
from core.runs.run_log import LOG_FILE as RUN_LOG_FILE
from core.runs.work import launch
from core.services.desk import Desk
from core.settings import PROJECT_ROOT
from db import models as tables

LOCK_FILE = "supervisor.lock"
LOG_FILE = "supervisor.log"
WORKER = "core.services.workers.run"


def open_sweeps(session: Session) -> Sequence[str]:
    """Return the searches that have trials to ask for, to evaluate or to tell."""
    return session.scalars(select(tables.Sweep.id).where(tables.Sweep.is_open).order_by(tables.Sweep.created_at)).all()


def start_supervisor(desk: Desk) -> None:
    """Start a supervisor; one that finds another at work ends at once."""
    desk.settings.runs.mkdir(parents=True, exist_ok=True)
    launch(["core.services.workers.supervisor"], desk.settings.runs / LOG_FILE, variables_of(desk))


def ensure_supervisor(desk: Desk) -> None:
    """Start a supervisor if there is work for one and none is at work: the last may have been killed."""
    if os.environ.get(JOB_VARIABLE):
        # On a node of a cluster: who is asked for the queue stays with those who gave the runs.
        return
    with desk.reading() as session:
        has_work = bool(RUNS.live(session) or open_sweeps(session))
    if not has_work or not desk.settings.runs.is_dir():
        return
    try:
        with FileLock(desk.settings.runs / LOCK_FILE, timeout=0):
            pass
    except OSError:
        # Held by one that is at work (a Timeout is an OSError), or no place where one could hold it.
        return
    start_supervisor(desk)


def log_of(desk: Desk, run_id: str) -> Path:
    """Return the log of a run's workers, all attempts one after another."""
    return desk.settings.runs / run_id / RUN_LOG_FILE


def executor_of(desk: Desk) -> Executor:
    """Return what carries out the runs of a desk: processes of this machine, or the cluster that is set."""
    variables = variables_of(desk)

    def log(run_id: str) -> Path:
        return log_of(desk, run_id)

    local = LocalProcesses(WORKER, log, variables)
    if not desk.settings.cluster:
        return local
    return RayJobs(desk.settings.cluster, sys.executable, PROJECT_ROOT, WORKER, log, variables, local)


def variables_of(desk: Desk) -> dict[str, str]:
    """Return the environment by which a process opens the same desk."""
    return {f"PNEUMODESK_{name.upper()}": str(value) for name, value in desk.settings.model_dump().items()}
