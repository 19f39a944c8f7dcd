"""A run continues from finished runs, or from a model's file: what it begins with, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.dataset.splitting import SplitConfig
from core.errors import CheckpointError, CohortError, InputNotFoundError, SettingsError
from core.model.averaging import mean_weights
from core.model.card import ModelCard
from core.model.checkpoint import Checkpoint, load_checkpoint
from core.model.loading import default_preprocessing
from core.services.datasets import indexing
from core.services.datasets.splits import save_split, split_of
from core.services.desk import Desk, open_desk
from core.services.evaluation.film_selection import FilmChoice, chosen_films
from core.services.models.training_folds import save_split_of_model
from core.services.runs.control import enqueue
from core.services.runs.execution import train
from core.services.runs.record import get_record
from core.services.runs.requests import TrainRequest
from core.settings import AppSettings
from core.training.config import TrainingConfig
from tests.no_workers import let_nobody_work
from tests.unit.dataset.small_cohorts import write_film, write_patients

TINY = TrainingConfig(
    architecture="mobilenet_v2", weights="none", recipe="none", image_size=32, epochs=1, batch_size=8, workers=0
)
# So small a learning rate that a run ends with the weights that it began with.
STILL = TINY.model_copy(update={"learning_rate": 1e-12, "weight_decay": 0.0})
SPLIT = SplitConfig(validation_fraction=0.2, calibration_fraction=0.2, seed=3)


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
    return save_split(desk, indexing.index(desk, films), SPLIT, "baseline").name


def beginning_with(*runs: str, **choices: object) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {**STILL.model_dump(), "weights": "runs", "average_of": ",".join(runs), **choices}
    )


def trained(desk: Desk, films: Path, split: str, **choices: object) -> str:
    config = TrainingConfig.model_validate({**TINY.model_dump(), **choices})
    return train(desk, TrainRequest(data=films, split=split, config=config)).run_id


def going_on(desk: Desk, films: Path, split: str, *runs: str) -> str:
    return train(desk, TrainRequest(data=films, split=split, config=beginning_with(*runs))).run_id


def weights_of_run(desk: Desk, run_id: str) -> dict[str, np.ndarray]:
    return load_checkpoint(get_record(desk, run_id).folder / "checkpoint").weights


def test_a_run_begins_with_the_mean_of_runs(desk: Desk, films: Path, baseline: str) -> None:
    """With next to no learning it ends with the mean of their kernels, and its card says of which runs."""
    first, second = (trained(desk, films, baseline, seed=seed) for seed in (0, 1))
    third = going_on(desk, films, baseline, first[:8], second)
    one, other, mean = (weights_of_run(desk, run) for run in (first, second, third))
    for name in ("features.0.0.weight", "head.1.weight", "head.1.bias"):
        assert np.allclose(mean[name], (one[name] + other[name]) / 2, atol=1e-6)
        assert not np.allclose(one[name], other[name], atol=1e-4)
    record = get_record(desk, third)
    assert record.config["average_of"] == f"{first},{second}"
    card = record.card()
    assert card is not None and first in card.origin and second in card.origin and "trained from scratch" in card.origin


def test_a_run_goes_on_from_one_run_and_from_its_file(desk: Desk, films: Path, baseline: str) -> None:
    """Named by its id or by its file, a model is gone on from with its head; the card names the file's content."""
    first = trained(desk, films, baseline)
    file = get_record(desk, first).folder / "checkpoint" / "weights.safetensors"
    by_id = going_on(desk, films, baseline, first)
    by_file = trained(desk, films, baseline, **{**STILL.model_dump(), "weights": "file", "weights_file": file})
    expected = weights_of_run(desk, first)
    for run in (by_id, by_file):
        assert np.allclose(weights_of_run(desk, run)["head.1.weight"], expected["head.1.weight"], atol=1e-6)
    card = get_record(desk, by_file).card()
    assert card is not None and str(get_record(desk, first).checkpoint_hash) in card.origin


def test_weights_that_learnt_films_that_would_judge_are_refused(desk: Desk, films: Path, baseline: str) -> None:
    """Runs and files of another split of the same images are refused before and while a run is carried out."""
    first = trained(desk, films, baseline)
    other = save_split(desk, indexing.index(desk, films), SPLIT.model_copy(update={"seed": 4}), "other").name
    file = get_record(desk, first).folder / "checkpoint" / "weights.safetensors"
    asked = [{"weights": "runs", "average_of": first}, {"weights": "file", "weights_file": file}]
    for choices in asked:
        config = TrainingConfig.model_validate({**TINY.model_dump(), **choices})
        with pytest.raises(CohortError, match="other folds"):
            enqueue(desk, TrainRequest(data=films, split=other, config=config))
        # No split is named: only the run itself draws one.
        with pytest.raises(CohortError, match="other folds"):
            train(desk, TrainRequest(data=films, config=config))


def test_a_models_folds_can_be_saved_and_trained_on(desk: Desk, films: Path, baseline: str) -> None:
    """Of a run on a drawn split the same folds are saved, with their fingerprint; on them one may start from it."""
    drawn = trained(desk, films, "")
    cohort = indexing.index(desk, films)
    saved = save_split_of_model(desk, cohort, f"run:{drawn}", "its own")
    assert (
        saved.fingerprint
        == get_record(desk, drawn).lineage["Split fingerprint"]
        != split_of(desk, baseline, cohort).fingerprint
    )
    for fold in ("validation", "calibration"):
        choice = FilmChoice(data=films, model=f"run:{drawn}", split=fold)
        assert chosen_films(desk, cohort, choice) == split_of(desk, "its own", cohort).files(fold)
    assert get_record(desk, going_on(desk, films, "its own", drawn)).state == "completed"


def test_folds_that_did_not_come_along_or_are_of_other_films_are_refused(
    desk: Desk, films: Path, baseline: str
) -> None:
    """Without a table of folds, or for a dataset with other images, the sentence says so and nothing is saved."""
    run_id = trained(desk, films, baseline)
    write_film(films / "train/NORMAL/IM-0099-0001.png", 99, side=64)
    with pytest.raises(CohortError, match="other images"):
        save_split_of_model(desk, indexing.index(desk, films), f"run:{run_id}", "later")
    (get_record(desk, run_id).folder / "split.csv").unlink()
    with pytest.raises(InputNotFoundError, match="did not come with it"):
        save_split_of_model(desk, indexing.index(desk, films), f"run:{run_id}", "later")


def test_runs_that_cannot_be_begun_with_are_named(desk: Desk, films: Path, baseline: str) -> None:
    """An unknown run, one without a model and one of another network are refused when the run is asked for."""
    finished = trained(desk, films, baseline)
    waiting = enqueue(desk, TrainRequest(data=films, split=baseline, config=TINY))[0]
    for run, architecture, error, words in (
        ("ffffffff", "mobilenet_v2", InputNotFoundError, "ffffffff"),
        (waiting, "mobilenet_v2", SettingsError, "no finished model"),
        (finished, "resnet18", SettingsError, "trained mobilenet_v2"),
    ):
        config = beginning_with(run, architecture=architecture)
        with pytest.raises(error, match=words):
            enqueue(desk, TrainRequest(data=films, split=baseline, config=config))


def test_a_run_whose_first_model_is_gone_says_so(desk: Desk, films: Path, baseline: str) -> None:
    """If the model is deleted while the run waits, the run fails with a sentence about it."""
    first = trained(desk, films, baseline)
    folder = get_record(desk, first).folder / "checkpoint"
    config = beginning_with(first)
    [run_id] = enqueue(desk, TrainRequest(data=films, split=baseline, config=config))
    (folder / "weights.safetensors").unlink()
    from core.services.runs.execution import work_on_run

    with pytest.raises(SettingsError, match="is gone"):
        work_on_run(desk, run_id)
    assert "is gone" in str(get_record(desk, run_id).error)


def test_another_programs_card_beside_a_file_is_not_a_card_of_ours(desk: Desk, films: Path, baseline: str) -> None:
    """A `card.json` that cannot be read as one neither stops a run nor speaks in its card."""
    first = trained(desk, films, baseline)
    folder = get_record(desk, first).folder / "checkpoint"
    (folder / "card.json").write_text(json.dumps({"title": "something else"}))
    run = trained(desk, films, "", weights="file", weights_file=folder / "weights.safetensors")
    card = get_record(desk, run).card()
    assert card is not None and "which began with" not in card.origin


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"weights": "runs"}, "give both or neither"),
        ({"average_of": "abc"}, "give both or neither"),
        ({"weights": "runs", "average_of": "starter@1"}, "by their ids"),
        ({"weights": "runs", "average_of": ",".join(f"{number:x}" for number in range(17))}, "at most 16"),
    ],
)
def test_first_runs_that_make_no_sense_are_refused(choices: dict[str, str], words: str) -> None:
    """A config names runs if and only if it begins with runs, by ids, and not too many."""
    with pytest.raises(ValueError, match=words):
        TrainingConfig.model_validate(choices)


def checkpoint(**weights: np.ndarray) -> Checkpoint:
    card = ModelCard(name="one", architecture="resnet18", preprocessing=default_preprocessing("resnet18"))
    return Checkpoint(card, weights, {})


def test_the_mean_is_taken_tensor_by_tensor() -> None:
    """Of three networks the mean of each tensor, by hand; counts are not averaged, and kinds are not mixed."""
    three = [checkpoint(a=np.float32([value, 2 * value]), n=np.array([7 + value])) for value in (1, 2, 6)]
    mean = mean_weights(three)
    assert mean["a"].tolist() == [3.0, 6.0] and mean["a"].dtype == np.float32
    assert mean["n"].tolist() == [8]
    with pytest.raises(CheckpointError, match="different kinds"):
        mean_weights([three[0], checkpoint(a=np.float32([1.0]), n=np.array([7]))])
