"""One rule says whether a split may select; every look at any other is counted, and a look at one that may is not."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from core.services.desk import Desk, open_desk
from core.services.evaluation import test_set_access
from core.services.evaluation.evaluate import EvaluationRequest, evaluate
from core.services.evaluation.predictions import is_selection_split
from core.services.evaluation.stored_results import load_evaluation, openings_so_far
from core.services.evaluation.test_set_access import count_openings, evaluations_page, recorded_openings
from core.services.experiments.comparison import CompareRequest, compare_runs
from core.services.models.lookup import model_card
from core.settings import AppSettings
from tests.made_runs import add_run, give_checkpoint
from tests.unit.dataset.small_cohorts import write_film


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk without runs."""
    return open_desk(AppSettings(home=tmp_path / "home", device="cpu"))


@pytest.mark.parametrize(
    ("split", "may_select"),
    [
        *((split, True) for split in ("validation", "calibration", "both", "mine/validation")),
        *((split, False) for split in ("test", "holdout", "mine/holdout", "train", "all")),
    ],
)
def test_one_rule_says_what_selects_and_every_door_counts_by_it(
    desk: Desk, split: str, may_select: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at one run and comparing it with another are two looks at a split that may not select, else none."""
    # However busy the machine, both are within one look's time.
    monkeypatch.setattr(test_set_access, "SAME_LOOK", timedelta(hours=1))
    for run_id in ("r1", "r2"):
        add_run(desk, run_id, splits=(split,))
    assert is_selection_split(split) is may_select
    opened = load_evaluation(desk, "r1-checkpoint", split)
    assert (opened.is_selection, opened.num_openings) == (may_select, 0 if may_select else 1)
    assert compare_runs(desk, CompareRequest(runs=("r1", "r2"), split=split)).num_openings == (0 if may_select else 2)
    assert openings_so_far(desk, ["r1-checkpoint"], split) == (0 if may_select else 2)


def test_evaluating_validation_images_is_no_access(desk: Desk, tmp_path: Path) -> None:
    """The evaluation is listed with its figures, and neither the count nor a model's record of accesses has it."""
    add_run(desk, "first0")
    give_checkpoint(desk, "first0", 32, 0)
    files = []
    for folder in ("train", "test"):
        for number in range(1, 4):
            write_film(tmp_path / f"films/{folder}/NORMAL/{number}.png", number, side=64)
            write_film(tmp_path / f"films/{folder}/PNEUMONIA/{number}.png", 100 + number, side=64)
            files += [f"train/NORMAL/{number}.png", f"train/PNEUMONIA/{number}.png"]
    folds = pd.DataFrame({"file": files, "fold": "validation"})
    folds.to_csv(desk.settings.runs / "first0" / "split.csv", index=False)
    asked = [
        EvaluationRequest(data=tmp_path / "films", model="run:first0", split=split) for split in ("validation", "test")
    ]
    results = [evaluate(desk, one) for one in asked]
    assert [one.num_openings for one in results] == [0, 1]
    with desk.reading() as session:
        assert count_openings(session, results[0].cohort_fingerprint, "validation") == 0
    accesses = recorded_openings(desk, model_card(desk, "run:first0").weights_hash)
    assert [access.split for access in accesses] == ["test"]
    assert [row["split"] for row in evaluations_page(desk, 10, 0)] == ["test", "validation"]
