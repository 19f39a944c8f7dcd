"""Predictions belong to a set of images: a run's own folds are those of the dataset that it was trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import EvaluationError
from core.evaluation.operating_point import OperatingPointRule, RuleKind
from core.services.desk import Desk, open_desk
from core.services.evaluation.predictions import keep_predictions
from core.services.evaluation.stored_results import load_evaluation
from core.services.evaluation.threshold_selection import choose_model_point
from core.services.models.lookup import model_card
from core.services.registry.promotion import PromoteRequest, promote
from core.services.runs.record import get_record
from core.settings import AppSettings
from tests.made_runs import add_run, give_checkpoint, made_films, predicted

YOUDEN = OperatingPointRule(kind=RuleKind.YOUDEN)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with a run of 80 validation and 80 calibration images."""
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    add_run(desk, "first0", films=made_films(80), splits=("validation", "calibration"))
    give_checkpoint(desk, "first0", 32, 0)
    return desk


def evaluate_copy(desk: Desk, split: str) -> None:
    """Store what evaluating the run on a smaller copy of its dataset gives: 20 images, told apart without an error."""
    films = made_films(20, prefix="copy")
    hash_ = model_card(desk, "run:first0").weights_hash
    of_copy = predicted(hash_, split, films, np.where(films.labels_N == 1, 9.0, -9.0))
    with desk.transaction() as session:
        keep_predictions(session, replace(of_copy, cohort_fingerprint="copy of the dataset"))


def test_evaluating_a_copy_leaves_the_figures_of_a_run(desk: Desk) -> None:
    """The validation figures, the threshold they choose and the promoted card are the same before and after."""
    hash_ = model_card(desk, "run:first0").weights_hash
    before = load_evaluation(desk, hash_, "validation").predicted
    threshold = choose_model_point(desk, "run:first0", YOUDEN, "early", split="both").point.threshold
    for fold in ("validation", "calibration"):
        evaluate_copy(desk, fold)
    after = load_evaluation(desk, hash_, "validation").predicted
    assert (after.cohort_fingerprint, after.report.n) == ("cohort", 80)
    assert after.report == before.report
    assert choose_model_point(desk, "run:first0", YOUDEN, "late", split="both").point.threshold == threshold
    version = promote(desk, PromoteRequest(source="run:first0", name="ward", operating_point="early"))
    assert {fold: report.n for fold, report in model_card(desk, version.reference).metrics.items()} == {
        "validation": 80,
        "calibration": 80,
    }


def test_a_fold_that_was_evaluated_on_a_copy_alone_is_not_a_fold_of_the_run(desk: Desk) -> None:
    """It is not listed among the splits of the run, and asking for it is answered in a sentence."""
    evaluate_copy(desk, "holdout")
    assert get_record(desk, "first0").splits == ("validation", "calibration")
    with pytest.raises(EvaluationError, match="'holdout'"):
        load_evaluation(desk, model_card(desk, "run:first0").weights_hash, "holdout")
