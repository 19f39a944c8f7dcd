"""Images that a model was trained on never pass for others: they are refused, or marked with both figures."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.dataset.splitting import SplitConfig
from core.errors import EvaluationError
from core.model.checkpoint import read_card
from core.services.datasets import indexing
from core.services.datasets.splits import save_split, split_of
from core.services.desk import Desk
from core.services.evaluation.evaluate import EvaluationRequest, evaluate
from core.services.evaluation.film_selection import FilmChoice
from core.services.evaluation.predictions import films_of, keep_predictions
from core.services.evaluation.robustness import stress_model
from core.services.evaluation.stored_results import load_evaluation
from core.services.evaluation.test_set_access import evaluations_page
from core.services.evaluation.training_overlap import say_overlap, training_images_among
from core.services.experiments.comparison import CompareRequest, compare_runs
from core.services.experiments.run_export import predictions_to_csv
from core.services.models.lookup import model_card
from core.services.records.export import export_records
from core.services.registry.card_files import CardFormat, render_card
from core.services.registry.model_card import describe_model
from tests.made_runs import add_run, desk_with_network, made_films, made_logits, predicted
from tests.unit.dataset.small_cohorts import write_film, write_patients


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with the untrained network of a run, whose folds are written by each test."""
    return desk_with_network(tmp_path / "home")


def write_folds(desk: Desk, **columns: list[str]) -> None:
    """Write the table of the run's own split."""
    pd.DataFrame(columns).to_csv(desk.settings.runs / "first0" / "split.csv", index=False)


def test_a_saved_fold_with_training_images_is_refused(desk: Desk, tmp_path: Path) -> None:
    """The images are known by their content under other names; the sentence says how many, and none is analysed."""
    root = write_patients(tmp_path / "films", 12)
    cohort = indexing.index(desk, root)
    save_split(desk, cohort, SplitConfig(validation_fraction=0.4, calibration_fraction=0.2), "half")
    files = split_of(desk, "half", cohort).files("validation")
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


def test_stress_on_training_images_says_so(desk: Desk, tmp_path: Path) -> None:
    """What is kept of a stress measurement, and the card that shows it, count the training images among its images."""
    root = write_patients(tmp_path / "films", 3)
    hashes = indexing.index(desk, root).manifest["content_hash"]
    write_folds(desk, file=["a.png", "b.png"], fold=["train", "train"], content_hash=list(hashes[:2]))
    report = stress_model(desk, FilmChoice(data=root, model="run:first0", split="all"))
    assert report.num_training_images == 2
    assert say_overlap(2, report.n) in json.dumps(describe_model(desk, "run:first0").document())


@pytest.fixture
def overlapping(desk: Desk) -> Desk:
    """Stored predictions on 20 test images; the model was trained on two of them by their content."""
    films = made_films(20, prefix="ward")
    hash_ = model_card(desk, "run:first0").weights_hash
    with desk.transaction() as session:
        keep_predictions(session, predicted(hash_, "test", films, made_logits(films, 2.0, 0)))
    hashes = [*films.content_hashes[4:6], "another"]
    write_folds(desk, file=["x.png", "y.png", "z.png"], fold=["train", "train", "validation"], content_hash=hashes)
    add_run(desk, "second", splits=("test",), films=films, seed=1)
    return desk


def test_stored_evaluations_say_their_training_images_at_every_door(overlapping: Desk, tmp_path: Path) -> None:
    """Run, comparison, predictions, list of evaluations, record, card and its file all say 2 of 20."""
    desk, hash_ = overlapping, model_card(overlapping, "run:first0").weights_hash
    said = say_overlap(2, 20)
    assert "2 of 20" in said
    assert load_evaluation(desk, hash_, "test").num_training_images == 2
    comparison = compare_runs(desk, CompareRequest(runs=("first0", "second"), split="test"))
    assert f"made up: {said}" in comparison.notes
    assert [run["num_training_images"] for run in comparison.document()["runs"]] == [2, None]
    assert [note for note in comparison.notes if "not known" in note]
    rows = list(csv.DictReader(io.StringIO(predictions_to_csv(desk, hash_, "test"))))
    assert [row["training_image"] for row in rows].count("yes") == 2 and rows[4]["training_image"] == "yes"
    assert {row["num_training_images"] for row in evaluations_page(desk, 10, 0)} == {2, None}
    export_records(desk, ["first0"], tmp_path / "records")
    document = json.loads((tmp_path / "records/runs/first0.json").read_text())
    assert [one["num_training_images"] for one in document["openings"]] == [2]
    card = describe_model(desk, "run:first0")
    for text in (json.dumps(card.document()), render_card(card, CardFormat.HTML)):
        assert said in text


def test_a_patient_of_the_own_dataset_is_known_without_its_name(desk: Desk, tmp_path: Path) -> None:
    """Where only a table says the patient, another image of a training image's patient counts as one too."""
    root = tmp_path / "films"
    for number in range(4):
        write_film(root / f"{number}.png", number, side=64)
    labels = ["normal", "pneumonia"] * 2
    pd.DataFrame({"file": [f"{n}.png" for n in range(4)], "label": labels, "patient_id": ["p", "q", "p", "r"]}).to_csv(
        root / "metadata.csv", index=False
    )
    cohort = indexing.index(desk, root)
    write_folds(desk, file=["0.png", "1.png"], fold=["train", "validation"])
    folder = desk.settings.runs / "first0" / "checkpoint"
    card = read_card(folder).model_copy(update={"cohort_fingerprint": cohort.fingerprint})
    (folder / "card.json").write_text(card.model_dump_json())
    films = films_of(cohort, ["1.png", "2.png", "3.png"])
    assert training_images_among(desk, folder, films, cohort.fingerprint) == {"2.png"}
    assert training_images_among(desk, folder, films, cohort.fingerprint, cohort) == {"2.png"}
    with desk.transaction() as session:
        keep_predictions(
            session,
            replace(predicted(card.weights_hash, "test", films, np.zeros(3)), cohort_fingerprint=cohort.fingerprint),
        )
    assert load_evaluation(desk, card.weights_hash, "test").num_training_images == 1
