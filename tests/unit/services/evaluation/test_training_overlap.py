"""Images that a model was trained on never pass for others: they are refused, or marked with both figures."""

from pathlib import Path

import pandas as pd
import pytest

from core.dataset.splitting import SplitConfig
from core.errors import EvaluationError
from core.services.datasets import indexing
from core.services.datasets.splits import load_split, save_split
from core.services.desk import Desk, open_desk
from core.services.evaluation.evaluate import EvaluationRequest, evaluate
from core.settings import AppSettings
from tests.made_runs import add_run, give_checkpoint
from tests.unit.dataset.small_cohorts import write_film, write_patients


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with the untrained network of a run, whose folds are written by each test."""
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    add_run(desk, "first0")
    give_checkpoint(desk, "first0", 32, 0)
    return desk


def write_folds(desk: Desk, **columns: list[str]) -> None:
    """Write the table of the run's own split."""
    pd.DataFrame(columns).to_csv(desk.settings.runs / "first0" / "split.csv", index=False)


def test_a_saved_fold_with_training_images_is_refused(desk: Desk, tmp_path: Path) -> None:
    """The images are known by their content under other names; the sentence says how many, and none is analysed."""
    root = write_patients(tmp_path / "films", 12)
    cohort = indexing.index(desk, root)
    save_split(desk, cohort, SplitConfig(validation_fraction=0.4, calibration_fraction=0.2), "half")
    files = load_split(desk, "half")[1].files("validation")
    hashes = cohort.manifest.set_index("file")["content_hash"]
    write_folds(desk, file=["a.png", "b.png"], fold=["train", "train"], content_hash=list(hashes[files[:2]]))
    with pytest.raises(EvaluationError, match=f"2 of the {len(files)} images of 'half/validation'"):
        evaluate(desk, EvaluationRequest(data=root, model="run:first0", split="half/validation"))


def test_a_folder_with_training_images_shows_both_figures(desk: Desk, tmp_path: Path) -> None:
    """Patients tell what another size of an image hides: of four images of two known patients six are left of ten."""
    for number in range(1, 6):
        write_film(tmp_path / f"films/test/NORMAL/IM-{number:04}-0001.jpeg", number, side=64)
        write_film(tmp_path / f"films/test/PNEUMONIA/person{number}_virus_{number}.jpeg", 100 + number, side=64)
    known = [f"train/NORMAL/IM-000{number}-0009.jpeg" for number in (1, 2)]
    known += [f"train/PNEUMONIA/person{number}_virus_9.jpeg" for number in (1, 2)]
    write_folds(desk, file=[*known, "train/NORMAL/IM-0003-0001.jpeg"], fold=["train"] * 4 + ["validation"])
    result = evaluate(desk, EvaluationRequest(data=tmp_path / "films", model="run:first0"))
    assert (result.report.n, result.num_training_images, result.without_training_images.n) == (10, 4, 6)
    assert result.document()["without_training_images"]["n"] == 6


def test_unknown_folds_are_said_to_be_unknown(desk: Desk, tmp_path: Path) -> None:
    """Without a table of folds nobody can tell, and none is not claimed."""
    root = write_patients(tmp_path / "films", 3)
    result = evaluate(desk, EvaluationRequest(data=root, model="run:first0", split="train"))
    assert result.num_training_images is None and result.without_training_images is None
