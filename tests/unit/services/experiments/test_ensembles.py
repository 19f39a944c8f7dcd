"""Ensembles of runs: fitted, stored whole, read with, compared with their members."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from core.errors import CheckpointError, EvaluationError, PneumoDeskError
from core.evaluation.ensembling import Voting
from core.evaluation.operating_point import OperatingPointRule, RuleKind
from core.model.checkpoint import load_checkpoint
from core.model.ensemble import halved, load_ensemble
from core.model.loading import classifier_from
from core.services.desk import Desk, open_desk
from core.services.evaluation.stored_results import load_evaluation
from core.services.experiments.ensemble_comparison import compare_ensemble
from core.services.experiments.ensembles import EnsembleRequest, create_ensemble, list_ensembles
from core.services.models.loading import load_predictor
from core.services.models.lookup import find_model, list_models
from core.services.registry.folder_export import export_model
from core.settings import AppSettings
from core.triage.intake import Candidate
from core.triage.pipeline import read_films
from core.triage.saliency import unpack_map
from tests.made_runs import add_run, give_checkpoint, made_films

FOLDS = ("validation", "calibration")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with two runs that have small networks of different sizes, and one of another split."""
    desk = open_desk(AppSettings(home=tmp_path_factory.mktemp("home"), device="cpu"))
    films = made_films(80)
    for run_id, size, skill, seed in (("first0", 64, 2.5, 0), ("second", 32, 1.5, 1)):
        add_run(desk, run_id, name=run_id, skill=skill, seed=seed, films=films, splits=(*FOLDS, "test"))
        give_checkpoint(desk, run_id, size, seed)
    add_run(desk, "other0", name="other0", films=made_films(80, first=40), splits=FOLDS)
    give_checkpoint(desk, "other0", 32, 5)
    return desk


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Candidate]:
    folder = tmp_path_factory.mktemp("films")
    found = []
    for place in range(6):
        pixels_HW = np.random.default_rng(place).integers(0, 255, (90 + place, 80), dtype=np.uint8)
        path = folder / f"film{place}.png"
        Image.fromarray(pixels_HW).save(path)
        found.append(Candidate(name=path.name, path=path, member=None))
    return found


@pytest.fixture(scope="module")
def soft(desk: Desk):
    return create_ensemble(desk, EnsembleRequest(name="soft", runs=("first0", "second")))


def read(desk: Desk, model: str, films: list[Candidate]) -> dict[str, object]:
    predictor = load_predictor(desk, model)
    readings = read_films(films, predictor, num_threads=1, max_file_bytes=10**7, check_films=False)
    return {reading.file: reading for reading in readings}


def test_triage_reads_with_an_ensemble_as_its_members_voices_say(desk: Desk, films, soft) -> None:
    """An image's probability is the members' mean, calibrated; its map is theirs; the first member's gate is asked."""
    whole = read(desk, "ensemble:soft", films)
    first, second = (read(desk, f"run:{run}", films) for run in ("first0", "second"))
    for film in films:
        mean = (first[film.name].probability + second[film.name].probability) / 2
        expected = soft.card.calibration.apply(np.log(mean / (1 - mean)))
        assert whole[film.name].probability == pytest.approx(float(expected), abs=0.01)
        assert whole[film.name].gate_distance == pytest.approx(first[film.name].gate_distance, rel=0.02)
        map_hw = unpack_map(whole[film.name].activation_map)
        assert map_hw.shape == unpack_map(first[film.name].activation_map).shape and map_hw.max() in (0, 1)


def test_an_ensemble_needs_no_run_and_is_found_like_any_model(desk: Desk, soft, tmp_path: Path) -> None:
    """Its folder holds every member whole: copied elsewhere it loads; it is in the list of models."""
    import shutil

    copied = shutil.copytree(soft.folder, tmp_path / "copied")
    assert find_model(desk, str(copied)).hash == find_model(desk, "ensemble:soft").hash
    assert "ensemble:soft" in [model.name for model in list_models(desk)]
    assert [one.name for one in list_ensembles(desk) if one.name == "soft"] == ["soft"]


def test_an_exported_ensemble_carries_each_members_record(desk: Desk, soft, tmp_path: Path) -> None:
    """Under another name it is the same model; each member's run goes along without places on this machine."""
    (desk.settings.runs / "first0" / "split.csv").write_text("file,fold\n")
    said = "drawn for this test (CC0)"
    card = export_model(desk, "ensemble:soft", tmp_path / "out", name="starter", origin=said)
    assert card.origin == "; ".join(filter(None, (soft.card.origin, said)))
    exported = load_ensemble(tmp_path / "out")
    assert (exported.card.name, exported.hash) == ("starter", soft.card.weights_hash) and card == exported.card
    for member in soft.recipe.members:
        record = (tmp_path / "out" / member.folder / "run.json").read_text()
        assert json.loads(record)["id"] == member.run_id and str(desk.settings.home) not in record
    with pytest.raises(PneumoDeskError, match="not empty"):
        export_model(desk, "ensemble:soft", tmp_path / "out")


def test_what_was_changed_in_an_ensemble_is_refused(soft, tmp_path: Path) -> None:
    """Another weight in ensemble.json, or a member put in another's place, is named and not loaded."""
    import shutil

    changed = shutil.copytree(soft.folder, tmp_path / "changed")
    document = json.loads((changed / "ensemble.json").read_text())
    document["members"][0]["weight"], document["members"][1]["weight"] = 0.9, 0.1
    (changed / "ensemble.json").write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match="was changed"):
        load_ensemble(changed)
    swapped = shutil.copytree(soft.folder, tmp_path / "swapped")
    shutil.rmtree(swapped / "members/1")
    shutil.copytree(swapped / "members/2", swapped / "members/1")
    with pytest.raises(CheckpointError, match="not the one that was put in"):
        load_ensemble(swapped)


def test_fitted_weights_favour_the_better_member(desk: Desk) -> None:
    """The better reader of the validation images gets the larger part, and what is kept is that weighted mean."""
    weighted = create_ensemble(desk, EnsembleRequest(name="w", runs=("first0", "second"), voting=Voting.WEIGHTED))
    weights = weighted.recipe.weights_of_members
    assert weights.sum() == pytest.approx(1) and weights[0] > weights[1]
    kept = load_evaluation(desk, weighted.card.weights_hash, "validation").predicted
    members = [load_evaluation(desk, member.source_hash, "validation").predicted for member in weighted.recipe.members]
    mean_N = weights @ np.stack([member.probabilities for member in members])
    assert expit(kept.logits_N) == pytest.approx(mean_N, abs=1e-6)
    assert weighted.card.operating_point.chosen_on.startswith("validation and calibration folds (160 images")


def test_half_precision_halves_the_size_and_hardly_moves_a_logit(desk: Desk, soft) -> None:
    """Members at 16 bits take little more than half the room, load at 32 bits and say nearly the same."""
    import torch

    small = create_ensemble(desk, EnsembleRequest(name="s", runs=("first0", "second"), half_precision=True))
    assert small.num_bytes < 0.6 * soft.num_bytes
    member = load_checkpoint(small.folder / small.recipe.members[0].folder)
    assert {array.dtype for array in member.weights.values()} <= {np.dtype("float32"), np.dtype("int64")}
    whole = load_checkpoint(desk.settings.runs / "first0/checkpoint")
    images_B1HW = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        moved = classifier_from(member)(images_B1HW) - classifier_from(whole)(images_B1HW)
    assert moved.abs().max() < 0.02
    assert small.recipe.members[0].source_hash == whole.hash != member.hash


def test_variances_stay_at_single_precision() -> None:
    """A running variance beyond half precision's range survives; only matrices and kernels are halved."""
    kept = halved({"variance": np.array([1e6, 1e-9], np.float32), "kernel": np.ones((2, 2), np.float32)})
    assert kept["variance"].tolist() == [np.float32(1e6), np.float32(1e-9)]
    assert kept["kernel"].dtype == np.float16


def test_an_ensemble_is_compared_with_each_member_and_test_films_are_counted(desk: Desk, soft) -> None:
    """Each member gets DeLong, McNemar and a sentence; on test images one access for the whole and each member."""
    judged = compare_ensemble(desk, "soft")
    assert [one.member for one in judged.members] == ["first0", "second"]
    assert judged.members[1].auc.auc_first == pytest.approx(judged.report.auc)
    assert judged.num_openings == 0 and "images" in judged.members[0].words
    assert compare_ensemble(desk, "soft", "test").num_openings == 3
    assert json.loads(json.dumps(judged.document()))["members"][0]["cost"] is None


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (EnsembleRequest(name="x", runs=("first0", "other0")), "trained on different splits"),
        (EnsembleRequest(name="x", runs=("first0",)), "2 to 8 different members"),
        (EnsembleRequest(name="../x", runs=("first0", "second")), "needs a name"),
        (EnsembleRequest(name="soft", runs=("first0", "second")), "called 'soft' already"),
    ],
)
def test_runs_that_do_not_go_together_are_refused(desk: Desk, soft, request_: EnsembleRequest, sentence: str) -> None:
    """Another split, a single run, a name that leaves the folder or is taken: one sentence, and nothing is left."""
    with pytest.raises(EvaluationError, match=sentence):
        create_ensemble(desk, request_)
    assert not list(desk.settings.ensembles.glob(".new-*"))


def test_an_ensemble_takes_its_members_split_and_the_rule_it_is_given(desk: Desk) -> None:
    """Its folder holds the folds, so that they name images for it too, and its threshold is the one asked for."""
    (desk.settings.runs / "first0" / "split.csv").write_text("file,fold\nnone.png,validation\n")
    rule = OperatingPointRule(kind=RuleKind.TARGET_SPECIFICITY, target=1.0)
    made = create_ensemble(desk, EnsembleRequest(name="strict", runs=("first0", "second"), rule=rule))
    assert (made.folder / "split.csv").read_text().endswith("none.png,validation\n")
    assert made.card.operating_point.name == "target_specificity"
    assert made.card.metrics["validation"].specificity == made.card.metrics["calibration"].specificity == 1.0
