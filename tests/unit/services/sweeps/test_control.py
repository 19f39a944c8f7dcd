"""Sweeps: what they expand to, what they record, how they stop, resume and stand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import InputNotFoundError, TrainingError
from core.model.catalogue import Architecture
from core.runs.process_identity import ProcessIdentity
from core.services.desk import Desk
from core.services.sweeps import control as sweep_control
from core.services.sweeps.control import resume_sweep, start_sweep, stop_sweep
from core.services.sweeps.presets import READY_SWEEPS, ReadySweep
from core.services.sweeps.request import Objective, SweepAxis, SweepKind, SweepRequest, SweepSetting
from core.services.sweeps.status import get_sweep, list_sweeps
from core.training.config import ORIGINAL_STUDY, TrainingConfig
from db import models as tables
from tests.no_workers import let_nobody_work
from tests.small_desk import small_desk

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose queue nobody carries out."""
    let_nobody_work(monkeypatch)
    return small_desk(tmp_path)


def grid(data: Path, **changes: object) -> SweepRequest:
    axes = (SweepAxis(field="learning_rate", values=(0.1, 0.01)), SweepAxis(field="batch_size", values=(8, 16, 32)))
    return SweepRequest(**{"data": data, "kind": SweepKind.GRID, "axes": axes, **changes})


def complete(desk: Desk, run_id: str, *values: float, best_epoch: int, seconds: float = 10) -> None:
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state, run.summary = "completed", {"best_epoch": best_epoch}
        run.started_at, run.finished_at = BEGAN, BEGAN + timedelta(seconds=seconds)
        for epoch, value in enumerate(values, 1):
            session.add(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=epoch, value=value))


def set_state(desk: Desk, run_id: str, state: str, **columns: object) -> None:
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state = state
        for name, value in columns.items():
            setattr(run, name, value)


@pytest.mark.parametrize(
    ("seeds", "name"),
    [((0,), "Grid of learning rate, batch size"), ((0, 1), "Grid of learning rate, batch size, seed")],
)
def test_a_sweep_is_called_by_what_it_varies(seeds: tuple[int, ...], name: str) -> None:
    """One seed is no choice among seeds."""
    assert sweep_control.name_of(grid(Path(), seeds=seeds)) == name


def test_a_grid_is_every_combination_in_order() -> None:
    """Two rates by three batch sizes make six runs, the last choice fastest; seeds multiply them."""
    pairs = [tuple(setting.value for setting in row) for row in grid(Path()).expanded()]
    assert pairs == [(0.1, 8), (0.1, 16), (0.1, 32), (0.01, 8), (0.01, 16), (0.01, 32)]
    seeded = grid(Path(), seeds=(5, 3, 5))
    assert seeded.num_runs == 12
    assert [row[-1].value for row in seeded.expanded()[:4]] == [5, 3, 5, 3]


@given(st.lists(st.sets(st.integers(2, 1024), min_size=1, max_size=5), min_size=1, max_size=3))
def test_a_grid_has_as_many_runs_as_it_says_and_none_twice(sets: list[set[int]]) -> None:
    """Whatever the values, the runs are counted rightly, differ from one another and keep the rest of the base."""
    names = ("batch_size", "epochs", "head_epochs")
    axes = tuple(
        SweepAxis(field=name, values=tuple(value + 2 for value in sorted({value % 90 for value in values})))
        for name, values in zip(names, sets, strict=False)
    )
    request = SweepRequest(data=Path(), kind=SweepKind.GRID, axes=axes, base=TrainingConfig(dropout=0.7))
    configs = [request.config_of(row) for row in request.expanded()]
    assert len(configs) == len(set(configs)) == request.num_runs
    assert {config.dropout for config in configs} == {0.7}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axes": ()}, "at least one choice"),
        ({"axes": (SweepAxis(field="dropout", low=0.1, high=0.5),)}, "bounds are for a search"),
        ({"axes": (SweepAxis(field="batch_size", values=(1, 8)),)}, "batch size 1: .*greater than or equal to 2"),
        ({"axes": (SweepAxis(field="fine_tuning", values=("full", "frozen")),)}, "fine tuning frozen: .*recipe `none`"),
        ({"seeds": tuple(range(200))}, "1,200 runs"),
        ({"kind": "search", "seeds": (1,)}, "one seed"),
        ({"kind": "search", "axes": (SweepAxis(field="dropout", low=0.1, high=1.5),)}, "dropout 1.5: .*less than 1"),
        ({"kind": "seeds"}, "needs the seeds"),
        ({"kind": "rows"}, "at least one row"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_in_words(changes: dict, words: str) -> None:
    """Each is refused before anything is queued, with what is wrong."""
    with pytest.raises(ValidationError, match=words):
        grid(Path(), **changes)


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ({"field": "unheard_of", "values": (1,)}, "cannot vary"),
        ({"field": "seed", "values": (1,)}, "seeds are given as seeds"),
        ({"field": "dropout"}, "either values or"),
        ({"field": "dropout", "values": (0.5, 0.5)}, "twice"),
        ({"field": "dropout", "low": 0.5, "high": 0.5}, "below"),
        ({"field": "weight_decay", "low": 0.0, "high": 0.5, "is_log": True}, "begin above 0"),
        ({"field": "architecture", "low": 0.0, "high": 1.0}, "no number"),
    ],
)
def test_an_axis_that_makes_no_sense_is_refused_in_words(axis: dict, words: str) -> None:
    """Unknown choices, empty ones and crossed bounds are named."""
    with pytest.raises(ValidationError, match=words):
        SweepAxis(**axis)


def test_the_ready_sweeps_are_the_original_studys_tables() -> None:
    """Five settings of rate, batch and dropout; five networks and EfficientNet-Lite0; and they follow another base."""
    tuning = READY_SWEEPS[ReadySweep.ORIGINAL_TUNING].request(Path())
    configs = [tuning.config_of(row) for row in tuning.expanded()]
    assert [(one.learning_rate, one.batch_size, one.dropout) for one in configs] == [
        (0.01, 64, 0.3),
        (0.001, 128, 0.5),
        (0.0001, 128, 0.5),
        (0.001, 32, 0.5),
        (0.001, 128, 0.7),
    ]
    assert configs[1] == ORIGINAL_STUDY
    quick = ORIGINAL_STUDY.model_copy(update={"epochs": 2, "image_size": 64})
    networks = READY_SWEEPS[ReadySweep.ARCHITECTURES].request(Path(), quick, seeds=(0, 1))
    assert networks.num_runs == 12
    configs = [networks.config_of(row) for row in networks.expanded()]
    assert {one.architecture for one in configs} == {
        *(Architecture.RESNET18, Architecture.RESNET34, Architecture.DENSENET121),
        *(Architecture.VGG16, Architecture.MOBILENET_V2, Architecture.EFFICIENTNET_LITE0),
    }
    assert {(one.epochs, one.image_size) for one in configs} == {(2, 64)}


def test_a_started_grid_has_its_runs_queued_in_order(desk: Desk, tmp_path: Path) -> None:
    """Every run waits under the sweep, named by its own settings; the sweep continues from then."""
    sweep = get_sweep(desk, start_sweep(desk, grid(tmp_path, name="rates"))[:6])
    assert [trial.number for trial in sweep.trials] == list(range(6))
    assert sweep.trials[4].settings == {"learning_rate": 0.01, "batch_size": 16}
    assert sweep.line.state == "running" and sweep.line.counts.num_queued == 6
    with desk.reading() as session:
        run = session.get_one(tables.Run, sweep.trials[4].run_id)
    assert run.name == "rates: learning rate 0.01, batch size 16"
    assert run.config == TrainingConfig(learning_rate=0.01, batch_size=16).model_dump(mode="json")


def test_best_so_far_is_of_the_kept_epoch_and_the_time_left_of_the_mean(desk: Desk, tmp_path: Path) -> None:
    """A higher value in an epoch that was not kept does not count; four runs of 20 s on average are left."""
    sweep_id = start_sweep(desk, grid(tmp_path))
    runs = [trial.run_id for trial in get_sweep(desk, sweep_id).trials]
    complete(desk, runs[0], 0.9, 0.99, best_epoch=1, seconds=10)
    complete(desk, runs[1], 0.5, 0.95, best_epoch=2, seconds=30)
    sweep = get_sweep(desk, sweep_id)
    assert (sweep.best.run_id, sweep.best.value) == (runs[1], 0.95)
    assert sweep.seconds_left == pytest.approx(80)
    assert sweep.line.counts.num_done == 2


def test_lower_is_better_for_a_loss(desk: Desk, tmp_path: Path) -> None:
    """Of two losses the smaller is best."""
    sweep_id = start_sweep(desk, grid(tmp_path, objective=Objective.LOSS))
    runs = [trial.run_id for trial in get_sweep(desk, sweep_id).trials]
    for run_id, loss in zip(runs, (0.4, 0.3, 0.5), strict=False):
        complete(desk, run_id, best_epoch=1)
        with desk.transaction() as session:
            session.add(tables.RunMetric(run_id=run_id, name="validation_loss", epoch=1, value=loss))
    assert get_sweep(desk, sweep_id).best.run_id == runs[1]


def test_a_stopped_sweep_resumes_with_what_is_unfinished_and_not_what_was_pruned(desk: Desk, tmp_path: Path) -> None:
    """Stopping ends what waits and asks what runs; resuming queues the stopped and lost, not the complete or pruned."""
    sweep_id = start_sweep(desk, grid(tmp_path))
    runs = [trial.run_id for trial in get_sweep(desk, sweep_id).trials]
    complete(desk, runs[0], 0.9, best_epoch=1)
    set_state(desk, runs[1], "stopped", pruned_epoch=1)
    set_state(desk, runs[2], "lost")
    stop_sweep(desk, sweep_id)
    stopped = get_sweep(desk, sweep_id)
    assert stopped.line.state == "stopped"
    assert [trial.state for trial in stopped.trials] == ["completed", "pruned", "lost", *["stopped"] * 3]
    assert resume_sweep(desk, sweep_id) == 4
    assert [trial.state for trial in get_sweep(desk, sweep_id).trials] == ["completed", "pruned", *["queued"] * 4]


def test_a_finished_sweep_is_complete_and_cannot_be_resumed(desk: Desk, tmp_path: Path) -> None:
    """Complete and pruned runs are all there is to do."""
    sweep_id = start_sweep(desk, SweepRequest(data=tmp_path, kind=SweepKind.SEEDS, seeds=(1, 2)))
    runs = [trial.run_id for trial in get_sweep(desk, sweep_id).trials]
    complete(desk, runs[0], 0.9, best_epoch=1)
    set_state(desk, runs[1], "stopped", pruned_epoch=1)
    assert list_sweeps(desk)[0].state == "completed"
    with pytest.raises(TrainingError, match="nothing left to do"):
        resume_sweep(desk, sweep_id)


def test_a_sweep_whose_run_was_killed_unseen_can_be_resumed(desk: Desk, tmp_path: Path) -> None:
    """Nobody had looked since: the resume itself finds the run lost and lets it continue."""
    sweep_id = start_sweep(desk, SweepRequest(data=tmp_path, kind=SweepKind.SEEDS, seeds=(1, 2)))
    runs = [trial.run_id for trial in get_sweep(desk, sweep_id).trials]
    complete(desk, runs[0], 0.9, best_epoch=1)
    set_state(desk, runs[1], "running", **replace(ProcessIdentity.current(), started=1.0).columns())
    assert resume_sweep(desk, sweep_id) == 1
    assert [trial.state for trial in get_sweep(desk, sweep_id).trials] == ["completed", "queued"]


def test_a_sweep_of_no_folder_or_no_name_is_said_in_words(desk: Desk, tmp_path: Path) -> None:
    """Neither leaves anything behind."""
    with pytest.raises(InputNotFoundError, match="no folder"):
        start_sweep(desk, grid(tmp_path / "nowhere"))
    with pytest.raises(InputNotFoundError, match="no sweep"):
        get_sweep(desk, "unheard-of")
    assert list_sweeps(desk) == []


def test_rows_are_runs_of_their_own_settings(desk: Desk, tmp_path: Path) -> None:
    """Each row changes only what it names."""
    rows = ((SweepSetting(field="dropout", value=0.1),), (SweepSetting(field="epochs", value=2),))
    sweep = get_sweep(desk, start_sweep(desk, SweepRequest(data=tmp_path, kind=SweepKind.ROWS, rows=rows)))
    assert [trial.settings for trial in sweep.trials] == [{"dropout": 0.1, "epochs": 6}, {"dropout": 0.3, "epochs": 2}]
