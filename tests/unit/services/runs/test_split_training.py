"""Training uses a saved split by its name: what is recorded, what is refused, and what the run is made on."""

import csv
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.dataset.splitting import SplitConfig, propose_split
from core.errors import CohortError, InputNotFoundError
from core.services.datasets import indexing
from core.services.datasets.splits import save_split, split_of, splits_for
from core.services.desk import Desk, open_desk
from core.services.evaluation.evaluate import EvaluationRequest, evaluate
from core.services.evaluation.film_selection import FilmChoice, chosen_films
from core.services.records.export import export_records
from core.services.records.importing import import_records
from core.services.runs import control as run_control
from core.services.runs.config_resolution import folder_to_train_on
from core.services.runs.control import enqueue, request_of, requeue
from core.services.runs.execution import train
from core.services.runs.launch_preview import equal_command
from core.services.runs.listing import show_run
from core.services.runs.record import get_record
from core.services.runs.requests import TrainRequest
from core.services.sweeps.control import start_sweep
from core.services.sweeps.request import SweepAxis, SweepKind, SweepRequest
from core.services.sweeps.status import get_sweep
from core.settings import AppSettings
from core.training.config import TrainingConfig
from tests.no_workers import let_nobody_work
from tests.unit.dataset.small_cohorts import write_film, write_patients

CONFIG = SplitConfig(validation_fraction=0.2, calibration_fraction=0.3, seed=7)
TINY = TrainingConfig(
    architecture="mobilenet_v2", weights="none", recipe="none", image_size=32, epochs=1, batch_size=8, workers=0
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk on which nobody carries out what is queued."""
    let_nobody_work(monkeypatch)
    return open_desk(AppSettings(home=tmp_path / "home"))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Twenty patients of each class, one image each."""
    return write_patients(tmp_path / "films")


@pytest.fixture
def baseline(desk: Desk, films: Path) -> str:
    return save_split(desk, indexing.index(desk, films), CONFIG, "baseline").name


def test_a_run_records_the_split_it_is_asked_for(desk: Desk, films: Path, baseline: str) -> None:
    """Name and fingerprint are in its record and lineage, and the config takes the split's own shares."""
    [run_id] = enqueue(desk, TrainRequest(data=films, split=baseline))
    shown = show_run(desk, run_id)
    split = split_of(desk, baseline, indexing.index(desk, films))
    assert (shown["split_name"], shown["split_fingerprint"]) == ("baseline", split.fingerprint)
    assert (shown["config"]["validation_fraction"], shown["config"]["calibration_fraction"]) == (0.2, 0.3)
    lineage = get_record(desk, run_id).lineage
    assert (lineage["Split"], lineage["Split fingerprint"]) == ("baseline", split.fingerprint)


def test_a_clone_a_requeued_run_and_every_trial_keep_the_split(desk: Desk, films: Path, baseline: str) -> None:
    """What is made of a run is asked for on the same split; so is every run of a sweep."""
    [run_id] = enqueue(desk, TrainRequest(data=films, split=baseline))
    assert request_of(desk, run_id).split == baseline
    assert show_run(desk, requeue(desk, run_id))["split_name"] == baseline
    axes = (SweepAxis(field="dropout", values=(0.1, 0.2)),)
    sweep = get_sweep(desk, start_sweep(desk, SweepRequest(data=films, split=baseline, kind=SweepKind.GRID, axes=axes)))
    runs = [show_run(desk, trial.run_id) for trial in sweep.trials]
    assert [run["split_name"] for run in runs] == [baseline] * 2
    assert {run["config"]["validation_fraction"] for run in runs} == {0.2}


def test_a_sweep_cannot_vary_what_its_split_decides(films: Path) -> None:
    """A share among the axes of a sweep on a saved split is refused in words."""
    axes = (SweepAxis(field="validation_fraction", values=(0.1, 0.2)),)
    with pytest.raises(ValidationError, match="shares cannot be varied"):
        SweepRequest(data=films, split="baseline", kind=SweepKind.GRID, axes=axes)


def test_a_split_of_other_films_is_refused(desk: Desk, films: Path, baseline: str, tmp_path: Path) -> None:
    """Changed images, a folder of other images, an unknown name and a split without a calibration fold are said."""
    write_film(tmp_path / "others/train/NORMAL/IM-0001-0001.png", 1)
    with pytest.raises(CohortError, match="holds other images"):
        enqueue(desk, TrainRequest(data=tmp_path / "others", split=baseline))
    with pytest.raises(InputNotFoundError, match="no split called 'unknown'"):
        enqueue(desk, TrainRequest(data=films, split="unknown"))
    save_split(desk, indexing.index(desk, films), SplitConfig(calibration_fraction=0), "no calibration")
    with pytest.raises(CohortError, match="no calibration fold"):
        enqueue(desk, TrainRequest(data=films, split="no calibration"))
    write_film(films / "train/NORMAL/IM-0099-0001.png", 99)
    with pytest.raises(CohortError, match="have changed since the split 'baseline' was saved"):
        start_sweep(desk, SweepRequest(data=films, split=baseline, kind=SweepKind.SEEDS, seeds=(0,)))


def test_the_same_films_elsewhere_may_be_trained_on(desk: Desk, films: Path, baseline: str, tmp_path: Path) -> None:
    """A split belongs to images, not to a folder: a copy takes it; without a folder its own is taken."""
    copy = shutil.copytree(films, tmp_path / "copy")
    [run_id] = enqueue(desk, TrainRequest(data=copy, split=baseline))
    assert show_run(desk, run_id)["split_name"] == baseline
    cohort = indexing.index(desk, copy)
    assert [one.name for one in splits_for(desk, copy, cohort.fingerprint)] == [baseline]
    assert folder_to_train_on(desk, None, baseline) == films.resolve()


def test_a_run_is_made_on_just_the_folds_of_its_split(desk: Desk, films: Path, baseline: str) -> None:
    """The images of every fold are those of the saved table, not those the config's shares would draw."""
    split = split_of(desk, baseline, indexing.index(desk, films))
    result = train(desk, TrainRequest(data=films, split=baseline, config=TINY))
    with (result.folder / "split.csv").open() as stream:
        made_on = {row["file"]: row["fold"] for row in csv.DictReader(stream)}
    assert made_on == split.assignments.to_dict()
    drawn = propose_split(indexing.index(desk, films), CONFIG.model_copy(update={"seed": 0}))
    assert drawn.assignments.to_dict() != made_on
    calibrated = [file for file, fold in made_on.items() if fold == "calibration"]
    metrics = result.summary["metrics"]["calibration"]
    assert metrics["n"] == len(calibrated) == 12
    assert show_run(desk, result.run_id)["split_fingerprint"] == split.fingerprint
    judged = evaluate(desk, EvaluationRequest(data=films, model=f"run:{result.run_id}", split="baseline/calibration"))
    assert (judged.report.n, judged.split) == (12, "baseline/calibration")
    own = evaluate(desk, EvaluationRequest(data=films, model=f"run:{result.run_id}", split="calibration", again=True))
    assert (own.report.n, own.split) == (12, "calibration")


def test_a_fold_of_a_saved_split_can_be_judged(desk: Desk, films: Path, baseline: str) -> None:
    """`NAME/FOLD` means just the images of that fold; a fold that is not there is said."""
    cohort = indexing.index(desk, films)
    split = split_of(desk, baseline, cohort)
    choice = FilmChoice(data=films, split="baseline/validation")
    assert chosen_films(desk, cohort, choice) == split.files("validation")
    with pytest.raises(InputNotFoundError, match="no fold 'holdout'"):
        chosen_films(desk, cohort, choice.model_copy(update={"split": "baseline/holdout"}))


def test_the_equal_command_names_the_split(films: Path) -> None:
    """The split is in the command, its shares do not."""
    config = TrainingConfig(validation_fraction=0.3, epochs=2)
    command = equal_command(Path("/films"), config, split="first try", seeds=(1,))
    assert command == "python -m core train --queue --data /films --split 'first try' --epochs 2 --seed 1"


def test_a_record_takes_the_name_of_the_split_along(desk: Desk, films: Path, baseline: str, tmp_path: Path) -> None:
    """On another desk the run still says on which split it was made."""
    [run_id] = enqueue(desk, TrainRequest(data=films, split=baseline))
    run_control.stop(desk, run_id)
    export_records(desk, [run_id], tmp_path / "records")
    other = open_desk(AppSettings(home=tmp_path / "other"))
    import_records(other, tmp_path / "records")
    assert show_run(other, run_id)["split_name"] == baseline
