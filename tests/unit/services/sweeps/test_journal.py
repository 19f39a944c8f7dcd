"""A search's study in its file: shared by processes, cut off, torn, lost or damaged."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from core.services.desk import Desk
from core.services.sweeps import optuna_study
from core.services.sweeps.control import resume_sweep, start_sweep
from core.services.sweeps.journal import journal_of
from core.services.sweeps.optuna_study import SweepStudy
from core.services.sweeps.request import SweepAxis, SweepKind, SweepRequest
from core.services.sweeps.search_loop import SweepTender
from core.services.sweeps.status import SweepDetail, get_sweep
from core.training.config import TrainingConfig
from db import models as tables
from db.base import utc_now
from tests.no_workers import let_nobody_work
from tests.patience import PATIENCE_SECONDS
from tests.small_desk import small_desk

ROOT = Path(__file__).resolve().parents[4]
AXES = (
    SweepAxis(field="dropout", low=0.0, high=0.8),
    SweepAxis(field="learning_rate", low=1e-5, high=0.1, is_log=True),
    SweepAxis(field="batch_size", values=(8, 16)),
)
ASK_WHEN_TOLD = """
import sys, time
from pathlib import Path
from core.services.sweeps.optuna_study import SweepStudy
from tests.small_desk import small_desk
from tests.unit.services.sweeps.test_journal import search
home, gate = Path(sys.argv[1]), Path(sys.argv[2])
study = SweepStudy(small_desk(home), "shared", search(home))
print("ready", flush=True)
while not gate.exists():
    time.sleep(0.001)
print(*(study.ask()[0] for _ in range(12)))
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose queue nobody carries out."""
    let_nobody_work(monkeypatch)
    return small_desk(tmp_path)


def search(data: Path, num_trials: int = 14) -> SweepRequest:
    return SweepRequest(
        data=data, kind=SweepKind.SEARCH, axes=AXES, num_trials=num_trials, base=TrainingConfig(epochs=5)
    )


def finish(desk: Desk, run_id: str, value: float) -> None:
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state, run.summary, run.started_at = "completed", {"best_epoch": 1}, utc_now()
        run.finished_at = run.started_at + timedelta(seconds=1)
        session.add(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=1, value=value))


def carry_out(desk: Desk, sweep_id: str, until: int) -> SweepDetail:
    """Carry out a search until it has so many runs, or to its end; its AUC falls with the dropout."""
    tender = SweepTender(desk)
    while tender() and len((sweep := get_sweep(desk, sweep_id)).trials) < until:
        for trial in sweep.trials:
            if trial.state == "queued":
                finish(desk, trial.run_id, 0.9 - trial.settings["dropout"])
    return get_sweep(desk, sweep_id)


def settings(sweep: SweepDetail) -> list[tuple[object, ...]]:
    return [tuple(trial.settings.values()) for trial in sweep.trials]


def test_two_processes_share_one_study(desk: Desk, tmp_path: Path) -> None:
    """Both ask twelve times at one moment: 24 trials, each number once, no settings twice."""
    study = SweepStudy(desk, "shared", search(tmp_path))
    gate = tmp_path / "go"
    askers = [
        subprocess.Popen(
            [sys.executable, "-c", ASK_WHEN_TOLD, tmp_path, gate], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for asker in askers:
        assert asker.stdout.readline() == "ready\n"
    gate.touch()
    numbers = [int(number) for asker in askers for number in asker.communicate(timeout=PATIENCE_SECONDS)[0].split()]
    assert sorted(numbers) == list(range(24))
    asked = study.running_trials()
    assert len({study.settings_of(trial) for trial in asked.values()}) == 24


def test_a_trial_cut_off_between_two_settings_is_not_run(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the first of three settings, the trial counts as failed; the next has a number of its own."""
    suggest, num_asked = optuna_study._suggest, []

    def die(*given: object) -> object:
        num_asked.append(1)
        if len(num_asked) == 2:
            raise KeyboardInterrupt
        return suggest(*given)

    study = SweepStudy(desk, "cut-off", search(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(optuna_study, "_suggest", die)
        with pytest.raises(KeyboardInterrupt):
            study.ask()
    again = SweepStudy(desk, "cut-off", search(tmp_path))
    assert again.running_trials() == {}
    assert again.ask()[0] == 1 and set(again.running_trials()) == {1}


def test_a_torn_last_line_loses_only_itself(desk: Desk, tmp_path: Path) -> None:
    """Half a line at the end, as a full disk leaves it: what is before stays, and what follows is read again."""
    asked = SweepStudy(desk, "torn", search(tmp_path)).ask()
    with journal_of(desk, "torn").open("a") as stream:
        stream.write('{"op_code":4,"wor')
    study = SweepStudy(desk, "torn", search(tmp_path))
    assert {number: study.settings_of(trial) for number, trial in study.running_trials().items()} == dict([asked])
    study.ask()
    assert set(SweepStudy(desk, "torn", search(tmp_path)).running_trials()) == {0, 1}


def test_a_search_whose_file_is_lost_goes_on_from_its_runs(desk: Desk, tmp_path: Path) -> None:
    """Without the file of its first twelve trials the search draws what it would have drawn with it."""
    whole = carry_out(desk, start_sweep(desk, search(tmp_path)), 99)
    sweep_id = start_sweep(desk, search(tmp_path))
    carry_out(desk, sweep_id, 12)
    journal_of(desk, sweep_id).unlink()
    sweep = carry_out(desk, sweep_id, 99)
    assert sweep.line.state == "completed" and settings(sweep) == settings(whole)


def test_a_damaged_file_ends_the_search_with_what_to_do(desk: Desk, tmp_path: Path) -> None:
    """A line that is none is said, with its file; taken away and resumed, the search comes to its end."""
    sweep_id = start_sweep(desk, search(tmp_path, 3))
    carry_out(desk, sweep_id, 2)
    journal = journal_of(desk, sweep_id)
    journal.write_text("no journal\n" + journal.read_text())
    assert not SweepTender(desk)() or not SweepTender(desk)()
    error = get_sweep(desk, sweep_id).line.error
    assert f"The search's study in {journal} is damaged" in error and "take the file away" in error
    journal.unlink()
    resume_sweep(desk, sweep_id)
    assert carry_out(desk, sweep_id, 99).line.state == "completed"
