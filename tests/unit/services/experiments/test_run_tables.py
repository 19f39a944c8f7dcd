"""Runs as tables: seeds become one row with a spread, held-out patients evaluate, costs are kept."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from core.errors import EvaluationError, InputNotFoundError
from core.services.desk import Desk, open_desk
from core.services.evaluation import test_set_access
from core.services.evaluation.stored_results import openings_so_far
from core.services.experiments.holdout import judge_holdout
from core.services.experiments.run_tables import chosen_runs, run_table, to_csv
from core.services.experiments.study_tables import architecture_table, tuning_table
from core.services.models.inference_cost import ModelCost, keep_cost, known_cost
from core.services.runs.execution import train
from core.services.runs.requests import TrainRequest
from core.settings import AppSettings
from core.training.config import TrainingConfig
from db import models as tables
from tests.integration.conftest import write_films
from tests.made_runs import add_run, made_films

COST = ModelCost(100.0, 300.0, 44.7, 11_177_000, 3.6, "made up")
RUNS = ("seeda0", "seedb0", "other0")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two runs that differ in the seed, one with another network and rate, one still without figures."""
    desk = open_desk(AppSettings(home=tmp_path_factory.mktemp("home"), device="cpu"))
    films = made_films(60)
    splits = ("holdout", "validation")
    add_run(desk, "seeda0", skill=2.0, seed=1, films=films, splits=splits, architecture="resnet18")
    add_run(desk, "seedb0", skill=2.5, seed=2, films=films, splits=splits, architecture="resnet18")
    add_run(desk, "other0", skill=3.0, seed=1, films=films, splits=("validation",), learning_rate=0.01)
    add_run(desk, "broken", state="failed", architecture="vgg16")
    keep_cost(desk, "seedb0-checkpoint", COST)
    with desk.transaction() as session:
        session.add(tables.Sweep(id="sweep1", name="s", kind="grid", request={}, num_trials=4))
        session.flush()
        for number, run_id in enumerate((*RUNS, "broken")):
            run = session.get_one(tables.Run, run_id)
            run.sweep_id, run.trial_number = "sweep1", number
    return desk


def test_seeds_become_one_row_with_their_range(desk: Desk) -> None:
    """The mean, smallest and largest of the seeds' figures, the cost of whichever seed was timed, and the runs."""
    table, lines = architecture_table(desk, RUNS[:2])
    reports = [run_table(desk, [run]).rows[0].figures["auc"].mean for run in RUNS[:2]]
    (line,) = lines
    assert table.split == "holdout" and table.num_films == 60
    assert line["auc"] == pytest.approx(sum(reports) / 2)
    assert (line["auc_low"], line["auc_high"]) == (min(reports), max(reports))
    assert (line["num_runs"], line["num_parameters"], line["megabytes"]) == (2, 11_177_000, 44.7)
    assert line["runs"] == "seeda0 seedb0"


def test_all_rows_are_judged_on_the_same_fold(desk: Desk) -> None:
    """Where one run has no held-out images, all are shown on validation, and the table says so."""
    table, lines = architecture_table(desk, RUNS)
    assert table.split == "validation" and len(lines) == 2
    assert "mildly optimistic" in table.notes[0]
    held_out, _ = architecture_table(desk, RUNS, "holdout")
    assert "other0" in held_out.notes[1] and held_out.rows[1].figures["auc"].mean is None


def test_test_films_stay_closed(desk: Desk) -> None:
    """A table on test images is refused."""
    with pytest.raises(EvaluationError, match="stay closed"):
        run_table(desk, RUNS, "test")


def test_a_sweep_gives_its_finished_runs(desk: Desk) -> None:
    """Failed runs are left out; a sweep nobody started is named in the refusal."""
    assert chosen_runs(desk, sweep="swee") == list(RUNS)
    with pytest.raises(InputNotFoundError, match="nowhere"):
        chosen_runs(desk, sweep="nowhere")
    with pytest.raises(EvaluationError, match="0 were found"):
        chosen_runs(desk, runs=())


def test_the_tuning_table_shows_what_differs(desk: Desk) -> None:
    """Columns are the original study's three choices and whatever else differs, but never the seed; CSV reads back."""
    _, lines = tuning_table(desk, RUNS)
    assert list(lines[0])[:5] == ["number", "learning_rate", "batch_size", "dropout", "architecture"]
    assert "seed" not in lines[0]
    assert [line["learning_rate"] for line in lines] == [0.001, 0.01]
    rows = list(csv.DictReader(io.StringIO(to_csv(lines))))
    assert float(rows[1]["auc"]) == pytest.approx(lines[1]["auc"])


def test_costs_are_of_one_checkpoint(desk: Desk) -> None:
    """A cost is found again by its checkpoint alone."""
    assert known_cost(desk, "seedb0-checkpoint") == COST
    assert known_cost(desk, "seeda0-checkpoint") is None


def test_held_out_patients_are_never_trained_on_and_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with a held-out share keeps those patients out of its other folds; a look right after is the same one."""
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    write_films(tmp_path / "films/train/NORMAL", 16, 30, 1, 0)
    write_films(tmp_path / "films/train/PNEUMONIA", 16, 120, 1, 1)
    config = TrainingConfig(
        architecture="mobilenet_v2",
        weights="none",
        recipe="none",
        image_size=32,
        epochs=1,
        batch_size=8,
        validation_fraction=0.2,
        calibration_fraction=0.2,
        holdout_fraction=0.2,
    )
    run_id = train(desk, TrainRequest(data=tmp_path / "films", config=config)).run_id
    split = pd.read_csv(desk.settings.runs / run_id / "split.csv")
    # However busy the machine, what follows is within one look's time.
    monkeypatch.setattr(test_set_access, "SAME_LOOK", timedelta(hours=1))
    judged = judge_holdout(desk, run_id)
    assert set(judged.films.files) == set(split.loc[split["fold"] == "holdout", "file"])
    assert split["file"].is_unique and len(judged.films.files) == 6
    again = judge_holdout(desk, run_id)
    assert again.logits_N.tolist() == judged.logits_N.tolist()
    assert architecture_table(desk, [run_id])[0].split == "holdout"
    assert openings_so_far(desk, [judged.checkpoint_hash], "holdout") == 1
