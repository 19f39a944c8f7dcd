"""Operating points of models that no run of the desk made."""

from pathlib import Path

import numpy as np
import pytest

from core.dataset.splitting import SplitConfig
from core.errors import EvaluationError
from core.evaluation.operating_point import OperatingPointRule, RuleKind, choose_operating_point
from core.model.checkpoint import load_checkpoint, save_checkpoint
from core.services.datasets import indexing
from core.services.datasets.splits import save_split
from core.services.desk import Desk, open_desk
from core.services.evaluation.predictions import load_predictions
from core.services.evaluation.threshold_selection import choose_model_point
from core.services.models.lookup import model_folder
from core.services.registry.promotion import PromoteRequest, promote
from core.services.registry.zip_archive import import_model
from core.settings import AppSettings
from db import models as tables
from tests.made_runs import add_run, give_checkpoint
from tests.unit.dataset.small_cohorts import write_patients

YOUDEN = OperatingPointRule(kind=RuleKind.YOUDEN)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with a model from elsewhere: no run, no operating point, nothing kept of what it says."""
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    add_run(desk, "first0")
    give_checkpoint(desk, "first0", 32, 0)
    made = load_checkpoint(model_folder(desk, "run:first0"))
    card = made.card.model_copy(update={"operating_point": None, "run_id": None, "name": "outside"})
    save_checkpoint(tmp_path / "outside", {**made.weights, "head.1.bias": made.weights["head.1.bias"] + 1}, card)
    import_model(desk, tmp_path / "outside", "outside")
    return desk


@pytest.fixture
def films(desk: Desk, tmp_path: Path) -> Path:
    """Twelve patients of each class, and a saved split of them."""
    root = write_patients(tmp_path / "films", 12)
    save_split(desk, indexing.index(desk, root), SplitConfig(validation_fraction=0.4, calibration_fraction=0.2), "half")
    return root


def test_an_imported_model_is_promoted_at_what_validation_films_chose(desk: Desk, films: Path) -> None:
    """The fold of a saved split is read for it, and the point stands on the version's card with where it comes from."""
    with pytest.raises(EvaluationError, match="models choose-point"):
        promote(desk, PromoteRequest(source="imported:outside", name="ward"))
    chosen = choose_model_point(desk, "imported:outside", YOUDEN, "night", split="half/validation", data=films)
    assert "half/validation fold" in chosen.point.chosen_on
    version = promote(desk, PromoteRequest(source="imported:outside", name="ward", operating_point="night"))
    assert version.operating_point == chosen.point
    again = choose_model_point(desk, "imported:outside", YOUDEN, "night", split="half/validation")
    assert again.version == chosen.version == 1


def test_both_folds_choose_together(desk: Desk) -> None:
    """The threshold is the one of all their images, as a run chooses its own, and it says of how many."""
    add_run(desk, "second", splits=("validation", "calibration"))
    give_checkpoint(desk, "second", 32, 1)
    chosen = choose_model_point(desk, "run:second", YOUDEN, "steady", split="both").point
    with desk.reading() as session:
        hash_of = session.get_one(tables.Run, "second").checkpoint_hash
        sets = [load_predictions(session, [hash_of], fold)[hash_of] for fold in ("validation", "calibration")]
    expected = choose_operating_point(
        np.concatenate([one.films.labels_N for one in sets]),
        np.concatenate([one.probabilities for one in sets]),
        YOUDEN,
        name="steady",
        chosen_on=chosen.chosen_on,
    )
    assert chosen == expected
    assert "validation and calibration folds" in chosen.chosen_on
    with pytest.raises(EvaluationError, match="has read no images of both"):
        choose_model_point(desk, "run:first0", YOUDEN, "steady", split="both")


@pytest.mark.parametrize("split", ["half/train", "test", "half/holdout"])
def test_other_films_never_choose(desk: Desk, films: Path, split: str) -> None:
    """Images that were learnt from or that evaluate are refused before any is read."""
    with pytest.raises(EvaluationError, match="never on"):
        choose_model_point(desk, "imported:outside", YOUDEN, "night", split=split, data=films)


def test_a_model_that_has_read_nothing_is_a_sentence(desk: Desk) -> None:
    """It says which two options are missing."""
    with pytest.raises(EvaluationError, match=r"--data.*--split"):
        choose_model_point(desk, "imported:outside", YOUDEN, "night")
