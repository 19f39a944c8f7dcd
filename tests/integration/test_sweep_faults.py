"""A sweep's supervisor as a real process: killed in the middle, the sweep continues where it was."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from core.services.desk import Desk
from core.services.runs.supervision import variables_of
from core.services.sweeps.control import start_sweep
from core.services.sweeps.request import SweepAxis, SweepKind, SweepRequest
from core.services.sweeps.status import get_sweep
from core.training.config import TrainingConfig
from tests.no_workers import let_nobody_work
from tests.patience import PATIENCE_SECONDS
from tests.small_desk import small_desk
from tests.trivial_runs import HELD_FILE


def supervisor(desk: Desk) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.trivial_runs", "supervise"],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, **variables_of(desk)},
    )


def test_a_killed_supervisor_loses_no_trial_and_repeats_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with -9 while a trial continues, it is followed by another: each trial of the search began exactly
    once.
    """
    let_nobody_work(monkeypatch)
    desk = small_desk(tmp_path)
    desk.settings.runs.mkdir(parents=True)
    axes = (SweepAxis(field="dropout", low=0.0, high=0.8),)
    request = SweepRequest(
        data=tmp_path, kind=SweepKind.SEARCH, axes=axes, num_trials=4, base=TrainingConfig(epochs=6), pruning="none"
    )
    sweep_id = start_sweep(desk, request)
    held = desk.settings.home / HELD_FILE
    held.touch()
    first = supervisor(desk)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(trial.state == "running" for trial in get_sweep(desk, sweep_id).trials):
        assert time.monotonic() < deadline, (tmp_path / "log.txt").read_text()
        time.sleep(0.02)
    first.kill()
    first.wait()
    interrupted = get_sweep(desk, sweep_id)
    assert interrupted.line.is_live and interrupted.line.counts.num_done == 0
    held.unlink()
    assert supervisor(desk).wait(PATIENCE_SECONDS) == 0
    sweep = get_sweep(desk, sweep_id)
    assert sweep.line.state == "completed", (tmp_path / "log.txt").read_text()
    assert [trial.number for trial in sweep.trials] == [0, 1, 2, 3]
    began = Counter(line.split()[0] for line in (tmp_path / "began.txt").read_text().splitlines())
    assert began == {trial.run_id: 1 for trial in sweep.trials}
