"""The processes beside the first one of a run over several devices: each takes its share of every batch.

The first process alone claims the run, decodes the images, keeps states, tells how far it is and ends the run.
"""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.runs.folds import folds_of
from core.services.runs.session_setup import session_request, split_of_run
from core.training.stored_config import read_stored_config
from db import models as tables

if TYPE_CHECKING:
    from core.runs.session import SessionRequest
    from core.training.team import Team


def init_process_group(request: "SessionRequest", team: "Team") -> None:
    """Join the processes that share a run, on the device that falls to this one."""
    from core.runs.session import device_of
    from core.training.precision import resolve_device
    from core.training.team import join

    join(team, resolve_device(device_of(request, team)))


def run_rank(desk: Desk, run_id: str, team: "Team") -> None:
    """Share a run's batches until it ends; raises RunStopped when the run was asked to stop."""
    from core.runs.session import accompany_session

    stop = threading.Event()
    # Torchrun passes on what ends it; the processes agree on the step in which they stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with desk.reading() as session:
        run = session.get_one(tables.Run, run_id)
    config = read_stored_config(run.config).config
    cohort_of = Path(run.data or ".")
    request = session_request(desk, run, config)
    init_process_group(request, team)
    team.wait()
    # Whatever the first process had to read and decode is there by now.
    cohort = indexing.index(desk, cohort_of)
    folds = folds_of(desk, cohort, split_of_run(desk, run, config, cohort), config, lambda progress: None)
    accompany_session(request, folds, stop.is_set, team)
