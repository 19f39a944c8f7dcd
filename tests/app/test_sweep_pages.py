"""The sweep part of the Training page, without a browser."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from core.services.desk import Desk
from core.services.sweeps.control import start_sweep
from core.services.sweeps.request import SweepAxis, SweepKind, SweepRequest
from core.services.sweeps.status import get_sweep, list_sweeps
from core.training.config import TrainingConfig
from db import models as tables
from db.base import utc_now
from tests.app.opened_page import open_page
from tests.no_workers import let_nobody_work


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """No queue is carried out."""
    let_nobody_work(monkeypatch)


page = partial(open_page, "training")


def add_cohort(desk: Desk, root: Path) -> None:
    with desk.transaction() as session:
        session.add(tables.Cohort(fingerprint="f", root=str(root), num_images=80, summary={}))


def started(desk: Desk, data: Path) -> str:
    """A sweep of four, of which one is complete with an AUC of 0.93, one was given up, and two wait."""
    axes = (SweepAxis(field="dropout", values=(0.1, 0.2, 0.3, 0.4)),)
    sweep_id = start_sweep(desk, SweepRequest(data=data, name="Dropouts", kind=SweepKind.GRID, axes=axes))
    done, pruned = (trial.run_id for trial in get_sweep(desk, sweep_id).trials[:2])
    with desk.transaction() as session:
        run = session.get_one(tables.Run, done)
        run.state, run.summary, run.started_at = "completed", {"best_epoch": 1}, utc_now()
        run.finished_at = run.started_at + timedelta(minutes=2)
        session.add(tables.RunMetric(run_id=done, name="validation_auc", epoch=1, value=0.93))
        other = session.get_one(tables.Run, pruned)
        other.state, other.pruned_epoch = "stopped", 3
    return sweep_id


def test_an_empty_desk_leads_to_the_form(desk: Desk) -> None:
    """Without sweeps the page says what one is, and leads to the form, which asks for a folder first."""
    test = page(view="sweeps")
    assert not test.exception
    assert "No sweep yet" in test.markdown[0].value
    test.button("training.first_sweep").click().run()
    assert any("No dataset yet" in text.value for text in test.markdown)


def test_a_sweep_shows_progress_best_and_every_run(desk: Desk, tmp_path: Path) -> None:
    """Figures, states and settings stand there; stop all ends what waits, and resume queues just that again."""
    sweep_id = started(desk, tmp_path)
    assert [card.value for card in page(view="sweeps").markdown if "Dropouts" in card.value]
    test = page(sweep=sweep_id)
    assert not test.exception
    figures = {metric.label: metric.value for metric in test.metric}
    assert figures["Runs done"] == "2 of 4"
    assert figures["Best validation AUC"] == "0.9300"
    assert figures["Pruned"] == "1"
    table = test.dataframe[0].value
    assert list(table["State"]) == ["completed (best)", "pruned, epoch 3", "queued", "queued"]
    assert list(table["Dropout"]) == [0.1, 0.2, 0.3, 0.4]
    test.button("training.stop_sweep").click().run()
    assert [trial.state for trial in get_sweep(desk, sweep_id).trials[2:]] == ["stopped", "stopped"]
    test.button("training.resume_sweep").click().run()
    assert [trial.state for trial in get_sweep(desk, sweep_id).trials] == ["completed", "pruned", "queued", "queued"]


def test_the_waiting_runs_of_a_sweep_are_one_line_among_the_runs(desk: Desk, tmp_path: Path) -> None:
    """Two waiting runs make no cards, but a number with a way to the sweeps."""
    started(desk, tmp_path)
    test = page(view="runs")
    assert any("2 runs of sweeps wait" in text.value for text in test.caption)
    assert not any(str(button.key).startswith("training.watch.") for button in test.button)


def test_a_ready_sweep_is_started_with_another_base(desk: Desk, tmp_path: Path) -> None:
    """The original study's tuning with two epochs: five runs, two epochs each, and its page opens."""
    add_cohort(desk, tmp_path)
    test = page(view="new_sweep")
    assert not test.exception
    epochs = next(box for box in test.number_input if (box.key or "").endswith(".epochs"))
    epochs.set_value(2).run()
    assert test.button("training.sweep.start").label == "Start 5 runs"
    test.button("training.sweep.start").click().run()
    assert not test.exception
    sweep = get_sweep(desk, list_sweeps(desk)[0].id)
    assert sweep.request.base.epochs == 2 and len(sweep.trials) == 5
    assert any(metric.label == "Runs done" for metric in test.metric)


def test_a_search_is_started_from_the_form_and_nonsense_is_said(desk: Desk, tmp_path: Path) -> None:
    """Bounds that cross are refused in words with nothing to press; mended, a search of twenty runs starts."""
    add_cohort(desk, tmp_path)
    test = page(view="new_sweep")
    next(group for group in test.button_group if group.key == "training.sweep.way").set_value("search").run()
    assert not test.exception
    low = test.number_input("training.sweep.search.learning_rate.low")
    low.set_value(0.5).run()
    assert any("must be below" in error.value for error in test.error)
    assert "training.sweep.start" not in {button.key for button in test.button}
    test.number_input("training.sweep.search.learning_rate.low").set_value(1e-4).run()
    test.button("training.sweep.start").click().run()
    sweep = get_sweep(desk, list_sweeps(desk)[0].id)
    assert sweep.request.kind is SweepKind.SEARCH and sweep.request.num_trials == 20
    assert sweep.request.axes[0].is_log and sweep.request.base.epochs == TrainingConfig(epochs=40).epochs
