"""A run that was asked to stop has ended one step and ten seconds later, whatever it does."""

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.executor import LocalProcesses
from core.runs.process_identity import ProcessIdentity
from core.runs.stopping import SECONDS_BEYOND_STEP, Press, press_due
from core.runs.supervisor import SECONDS_BETWEEN_LOOKS, look
from core.services.runs.requests import TrainRequest, record_run
from core.training.config import TrainingConfig
from db import models as tables
from db.base import utc_now
from db.states import State
from tests.named_processes import name_process
from tests.patience import PATIENCE_SECONDS
from tests.small_desk import small_desk

DEAF = (
    "import signal,time; signal.signal(signal.SIGTERM, lambda *a: print('heard', flush=True)); print('up', flush=True)"
)


@pytest.mark.parametrize(
    ("waited", "step", "due"),
    [
        (0.0, None, Press.WAIT),
        (1.9, 0.5, Press.WAIT),
        (2.0, None, Press.ASK),
        (8.9, None, Press.ASK),
        (9.0, None, Press.KILL),
        (38.9, 30.0, Press.ASK),
        (39.0, 30.0, Press.KILL),
        (-39.0, 30.0, Press.KILL),
    ],
)
def test_what_is_due_by_hand(waited: float, step: float | None, due: Press) -> None:
    """Two seconds are left to it, then it is asked by signal, then killed; a clock set back does not save it."""
    now = utc_now()
    assert press_due(now - timedelta(seconds=waited), now, step) is due


@given(step=st.floats(0, 3600))
def test_the_kill_comes_in_time_to_be_seen(step: float) -> None:
    """At the last look before the bound the kill is due, for steps of any length."""
    now = utc_now()
    asked_at = now - timedelta(seconds=step + SECONDS_BEYOND_STEP - SECONDS_BETWEEN_LOOKS)
    assert press_due(asked_at, now, step) is Press.KILL


def test_a_deaf_process_gets_sigterm_and_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    """A real process that ignores flag and SIGTERM is signalled after two seconds and gone after step and ten."""
    desk = small_desk(tmp_path)
    run_id = record_run(desk, TrainRequest(data=tmp_path, config=TrainingConfig()), State.STOPPING)
    process = subprocess.Popen(
        [sys.executable, "-c", f"{DEAF}; [time.sleep(1) for _ in range(60)]"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "up\n"
    worker = ProcessIdentity.of(process.pid)
    executor = LocalProcesses("nothing", lambda run_id: tmp_path / "log.txt", {})

    def look_after(seconds: float) -> None:
        with desk.transaction() as session:
            run = session.get_one(tables.Run, run_id)
            run.stop_requested_at = utc_now() - timedelta(seconds=seconds)
            run.progress = {"seconds_per_step": 4.0}
            name_process(run, worker)
        look(desk.reading, desk.transaction, executor, ["cpu"])

    look_after(1.0)
    look_after(3.0)
    assert process.stdout.readline() == "heard\n"
    look_after(12.0)
    assert process.stdout.readline() == "heard\n"
    look_after(13.0)
    process.wait(60)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while worker.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    look(desk.reading, desk.transaction, executor, ["cpu"])
    with desk.reading() as session:
        assert session.get_one(tables.Run, run_id).state == State.STOPPED
