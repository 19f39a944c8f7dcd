"""Searches: asked and told through a stored study, interrupted anywhere, with unpromising runs given up."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna import load_study

from core.reasons import Said, store
from core.services.desk import Desk
from core.services.runs import supervision
from core.services.runs.supervision import LOCK_FILE, ensure_supervisor
from core.services.sweeps import search_loop
from core.services.sweeps.control import resume_sweep, start_sweep, stop_sweep
from core.services.sweeps.journal import journal_of, open_journal
from core.services.sweeps.optuna_study import SweepStudy
from core.services.sweeps.request import Objective, Pruning, SweepAxis, SweepKind, SweepRequest
from core.services.sweeps.search_loop import SweepTender
from core.services.sweeps.status import SweepDetail, get_sweep
from core.training.config import TrainingConfig
from db import models as tables
from db.base import utc_now
from tests.no_workers import let_nobody_work
from tests.small_desk import small_desk

AXES = (
    SweepAxis(field="dropout", low=0.0, high=0.8),
    SweepAxis(field="learning_rate", low=1e-5, high=0.1, is_log=True),
    SweepAxis(field="batch_size", values=(8, 16)),
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose queue nobody carries out."""
    let_nobody_work(monkeypatch)
    return small_desk(tmp_path)


def best_number(desk: Desk, sweep_id: str) -> int:
    """The trial that Optuna itself calls the best of a search's file."""
    journal, _ = open_journal(journal_of(desk, sweep_id))
    return load_study(study_name=f"sweep-{sweep_id}", storage=journal).best_trial.number


def search(data: Path, num_trials: int = 6, **changes: object) -> SweepRequest:
    return SweepRequest(
        **{
            "data": data,
            "kind": SweepKind.SEARCH,
            "axes": AXES,
            "num_trials": num_trials,
            "base": TrainingConfig(epochs=5),
            **changes,
        }
    )


def finish(desk: Desk, run_id: str, value: float, num_epochs: int = 5) -> None:
    """Complete a run whose AUC rises to `value` at its last epoch, which is kept."""
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state, run.summary = "completed", {"best_epoch": num_epochs}
        run.started_at = utc_now()
        run.finished_at = run.started_at + timedelta(seconds=1)
        add_epochs(session, run_id, [value - 0.01 * (num_epochs - epoch) for epoch in range(1, num_epochs + 1)])


def add_epochs(session: object, run_id: str, values: list[float]) -> None:
    for epoch, value in enumerate(values, 1):
        session.merge(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=epoch, value=value))


def set_run(desk: Desk, run_id: str, **columns: object) -> None:
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        for name, value in columns.items():
            setattr(run, name, value)


def settings(sweep: SweepDetail) -> list[tuple[object, ...]]:
    return [tuple(trial.settings.values()) for trial in sweep.trials]


def carry_out(desk: Desk, sweep_id: str, *, anew: bool = False) -> SweepDetail:
    """Carry out a search whose AUC falls with the dropout, with one tender or with a new one for each look."""
    tender = SweepTender(desk)
    while tender():
        tender = SweepTender(desk) if anew else tender
        for trial in get_sweep(desk, sweep_id).trials:
            if trial.state == "queued":
                finish(desk, trial.run_id, 0.9 - trial.settings["dropout"])
    return get_sweep(desk, sweep_id)


def test_a_search_asks_one_at_a_time_tells_and_ends(desk: Desk, tmp_path: Path) -> None:
    """Each trial has one run within the bounds; the stored study knows every value, and its best is the sweep's."""
    request = search(tmp_path, 12)
    sweep_id = start_sweep(desk, request)
    assert get_sweep(desk, sweep_id).trials == ()
    tender = SweepTender(desk)
    assert tender() and tender()
    assert len(get_sweep(desk, sweep_id).trials) == 1
    sweep = carry_out(desk, sweep_id)
    assert sweep.line.state == "completed"
    assert [trial.number for trial in sweep.trials] == list(range(12))
    assert len(set(settings(sweep))) == 12
    for dropout, rate, batch in settings(sweep):
        assert 0 <= dropout <= 0.8 and 1e-5 <= rate <= 0.1 and batch in (8, 16)
    study = SweepStudy(desk, sweep_id, request)
    assert study.running_trials() == {}
    assert best_number(desk, sweep_id) == sweep.best.number


def test_an_interrupted_search_asks_for_the_same(desk: Desk, tmp_path: Path) -> None:
    """With a new supervisor at every look the trials are those of a search that one supervisor tended."""
    whole = carry_out(desk, start_sweep(desk, search(tmp_path)))
    broken = carry_out(desk, start_sweep(desk, search(tmp_path)), anew=True)
    assert settings(broken) == settings(whole)


def test_a_trial_asked_for_by_a_supervisor_that_died_gets_its_one_run(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off between the asking and the queueing, the next supervisor queues that very trial and skips none."""
    whole = carry_out(desk, start_sweep(desk, search(tmp_path)))
    sweep_id = start_sweep(desk, search(tmp_path))

    def die(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search_loop, "add_run", die)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                SweepTender(desk)()
    sweep = carry_out(desk, sweep_id)
    assert [trial.number for trial in sweep.trials] == list(range(6))
    assert settings(sweep) == settings(whole)


def test_a_hopeless_run_is_stopped_and_shown_as_pruned(desk: Desk, tmp_path: Path) -> None:
    """After four good runs one far below the median of their epochs is asked to stop; its place is not run again."""
    sweep_id = start_sweep(desk, search(tmp_path, 6))
    tender = SweepTender(desk)
    for _ in range(4):
        tender()
        finish(desk, get_sweep(desk, sweep_id).trials[-1].run_id, 0.9)
    tender()
    hopeless = get_sweep(desk, sweep_id).trials[-1].run_id
    set_run(desk, hopeless, state="running", started_at=utc_now())
    with desk.transaction() as session:
        add_epochs(session, hopeless, [0.5])
    tender()
    assert get_sweep(desk, sweep_id).trials[-1].state == "running", "the first epoch alone decides nothing"
    with desk.transaction() as session:
        add_epochs(session, hopeless, [0.5, 0.5])
    tender()
    assert get_sweep(desk, sweep_id).trials[-1].state == "stopping"
    set_run(desk, hopeless, state="stopped", finished_at=utc_now())
    tender()
    sweep = get_sweep(desk, sweep_id)
    assert (sweep.trials[4].state, sweep.trials[4].pruned_epoch) == ("pruned", 2)
    assert sweep.trials[5].state == "queued"
    finish(desk, sweep.trials[5].run_id, 0.9)
    assert not carry_out(desk, sweep_id).line.is_live
    assert get_sweep(desk, sweep_id).line.state == "completed"


def test_a_good_run_and_an_unpruned_search_are_left_alone(desk: Desk, tmp_path: Path) -> None:
    """The same values do not end a run where nothing is pruned."""
    sweep_id = start_sweep(desk, search(tmp_path, 6, pruning=Pruning.NONE))
    tender = SweepTender(desk)
    for _ in range(4):
        tender()
        finish(desk, get_sweep(desk, sweep_id).trials[-1].run_id, 0.9)
    tender()
    poor = get_sweep(desk, sweep_id).trials[-1].run_id
    set_run(desk, poor, state="running", started_at=utc_now())
    with desk.transaction() as session:
        add_epochs(session, poor, [0.5, 0.5, 0.5])
    tender()
    assert get_sweep(desk, sweep_id).trials[-1].state == "running"


def test_a_search_whose_runs_all_fail_ends_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    """Three failures in a row end it; resumed, it lets those runs continue."""
    sweep_id = start_sweep(desk, search(tmp_path, 20))
    tender = SweepTender(desk)
    for _ in range(3):
        tender()
        run_id = get_sweep(desk, sweep_id).trials[-1].run_id
        set_run(desk, run_id, state="failed", reasons=store([Said("The folder is empty.")]), finished_at=utc_now())
    assert not tender() or not tender()
    sweep = get_sweep(desk, sweep_id)
    assert len(sweep.trials) == 3 and sweep.line.state == "stopped"
    assert sweep.line.error == "3 runs in a row failed, the last one so: The folder is empty."
    assert resume_sweep(desk, sweep_id) == 3
    assert get_sweep(desk, sweep_id).line.error is None


def test_a_stopped_search_asks_for_no_more_until_it_is_resumed(desk: Desk, tmp_path: Path) -> None:
    """Its waiting run is stopped at once; resumed, that run waits again and the missing trials follow."""
    sweep_id = start_sweep(desk, search(tmp_path, 4, num_at_once=2))
    tender = SweepTender(desk)
    tender()
    assert len(get_sweep(desk, sweep_id).trials) == 2
    stop_sweep(desk, sweep_id)
    assert not tender()
    assert [trial.state for trial in get_sweep(desk, sweep_id).trials] == ["stopped", "stopped"]
    resume_sweep(desk, sweep_id)
    sweep = carry_out(desk, sweep_id)
    assert sweep.line.state == "completed" and len(sweep.trials) == 4


def test_choices_that_clash_are_drawn_again(desk: Desk, tmp_path: Path) -> None:
    """Frozen features do not go with varied images: such draws make no run, and no trial is lost."""
    axes = (
        SweepAxis(field="fine_tuning", values=("full", "frozen")),
        SweepAxis(field="recipe", values=("none", "strong")),
    )
    sweep = carry_out_any(desk, start_sweep(desk, search(tmp_path, 8, axes=axes)))
    assert len(sweep.trials) == 8
    assert ("frozen", "strong") not in settings(sweep)


def carry_out_any(desk: Desk, sweep_id: str) -> SweepDetail:
    tender = SweepTender(desk)
    while tender():
        for trial in get_sweep(desk, sweep_id).trials:
            if trial.state == "queued":
                finish(desk, trial.run_id, 0.9)
    return get_sweep(desk, sweep_id)


@given(low=st.integers(2, 100), width=st.integers(1, 100), is_log=st.booleans())
def test_whole_numbers_stay_whole_and_within_bounds(
    low: int, width: int, is_log: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the bounds of a batch size, what is drawn is a whole number between them."""
    from core.services.sweeps.optuna_study import _distribution

    space = _distribution(SweepAxis(field="batch_size", low=low, high=low + width, is_log=is_log))
    assert (space.low, space.high, space.step) == (low, low + width, 1)


def test_a_loss_is_minimised(desk: Desk, tmp_path: Path) -> None:
    """The study of a search by loss calls the smaller value best."""
    study = SweepStudy(desk, "by-loss", search(tmp_path, objective=Objective.LOSS))
    for value in (0.5, 0.2, 0.7):
        study.tell(study.ask()[0], value)
    assert best_number(desk, "by-loss") == 1


def test_what_waits_is_gone_on_with_only_if_no_supervisor_is_at_work(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search without a run calls for a supervisor, unless one holds the lock or nothing is open."""
    from filelock import FileLock

    started = []
    monkeypatch.setattr(supervision, "start_supervisor", started.append)
    ensure_supervisor(desk)
    assert not started
    sweep_id = start_sweep(desk, search(tmp_path))
    desk.settings.runs.mkdir(parents=True, exist_ok=True)
    with FileLock(desk.settings.runs / LOCK_FILE):
        ensure_supervisor(desk)
    assert not started
    ensure_supervisor(desk)
    assert started == [desk]
    stop_sweep(desk, sweep_id)
    ensure_supervisor(desk)
    assert len(started) == 1
