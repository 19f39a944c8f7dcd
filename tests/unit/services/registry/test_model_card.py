"""The model card as a document and as files, and models side by side."""

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import CheckpointError, EvaluationError
from core.services.desk import Desk, open_desk
from core.services.evaluation import test_set_access
from core.services.evaluation.stored_results import load_evaluation
from core.services.evaluation.test_set_access import record_opening
from core.services.models.lookup import model_card
from core.services.registry.card_document import NOT_MEASURED, ModelDocument
from core.services.registry.card_files import CardFormat, render_card
from core.services.registry.comparison import compare_models
from core.services.registry.facts import model_facts, read_facts
from core.services.registry.model_card import describe_model
from core.services.registry.promotion import PromoteRequest, promote
from core.services.registry.zip_archive import export_archive, import_model
from core.settings import NOTICE, AppSettings
from db import models as tables
from tests.made_runs import add_run, give_checkpoint, made_films, predicted


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with two runs on the same images, each promoted; the second's notes are meant to do harm."""
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    for seed, run_id in enumerate(("first0", "second")):
        add_run(desk, run_id, seed=seed, films=made_films(80), splits=("validation",))
        give_checkpoint(desk, run_id, 32, seed)
        notes = "<script>alert(1)</script> | [x](y)" if seed else ""
        promote(desk, PromoteRequest(source=f"run:{run_id}", name="ward", notes=notes))
    yield desk
    desk.engine.dispose()


def section(document: ModelDocument, title: str) -> str:
    found = next(one for one in document.sections if one.title == title)
    return " ".join((*found.sentences, *(cell for row in (found.table.rows if found.table else ()) for cell in row)))


def test_the_card_says_what_is_stored_and_what_is_not_measured(desk: Desk) -> None:
    """Figures come with intervals, the lineage names run and hashes, and what nobody measured is called that."""
    document = describe_model(desk, "ward@1")
    assert " to " in section(document, "Performance") and "0.5000" in section(document, "Operating point")
    assert "run:first0" in section(document, "Lineage")
    assert "viral, pneumonia" in section(document, "Subgroups")
    assert NOT_MEASURED in section(document, "Robustness")
    assert NOT_MEASURED in section(document, "Evaluation on other images")
    assert NOTICE in section(document, "Intended use")


def test_notes_are_never_markup(desk: Desk) -> None:
    """A script in the notes is shown, not run, in HTML, and breaks no table in Markdown; nothing is fetched."""
    document = describe_model(desk, "ward@2")
    html, markdown = (render_card(document, kind) for kind in (CardFormat.HTML, CardFormat.MARKDOWN))
    assert "<script" not in html and "&lt;script&gt;alert(1)" in html
    assert "<script" not in markdown and "&lt;script&gt;" in markdown
    assert "http:" not in html and "https:" not in html and "default-src 'none'" in html
    assert "| Threshold | 0.5000 |" in markdown


def test_versions_are_compared_with_intervals_settings_and_a_paired_test(desk: Desk) -> None:
    """Both have their figures, the seed differs, and the same images allow one test in words."""
    found = compare_models(desk, ["ward@1", "ward@2"])
    assert found.config_differences["weights_hash"][0] != found.config_differences["weights_hash"][1]
    assert all(" to " in found.figures[0][name] for name in ("ward@1", "ward@2"))
    assert len(found.words) == 1 and "ward@2" in found.words[0]
    with pytest.raises(EvaluationError, match="2 to 8 different models"):
        compare_models(desk, ["ward@1", "ward@1"])


def test_what_was_measured_goes_along_with_a_model(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another desk the card shows subgroups, the opened images, the gate and every run tried, of this model
    alone.
    """
    # However busy the machine, card and file are one look.
    monkeypatch.setattr(test_set_access, "SAME_LOOK", timedelta(hours=1))
    films = made_films(80)
    add_run(desk, "third0", seed=5, films=films, splits=("validation", "test"))
    give_checkpoint(desk, "third0", 32, 5)
    load_evaluation(desk, model_card(desk, "run:third0").weights_hash, "test", occasion="curiosity")
    here = describe_model(desk, "run:third0")
    packed = export_archive(desk, "run:third0", tmp_path / "third.zip")
    other = open_desk(AppSettings(home=tmp_path / "other", device="cpu"))
    import_model(other, packed, "third")
    there = describe_model(other, "imported:third")
    assert NOT_MEASURED not in section(here, "Evaluation on other images")
    for title in ("Subgroups", "Evaluation on other images", "Runs tried"):
        assert section(there, title) == section(here, title)
    facts = desk.settings.home / "facts.json"
    with zipfile.ZipFile(packed) as archive:
        facts.write_bytes(archive.read("facts.json"))
    with pytest.raises(CheckpointError, match="about other weights"):
        read_facts(desk.settings.home, model_card(desk, "run:first0"))


def test_the_card_of_the_model_in_the_box_lacks_no_measurement(desk: Desk) -> None:
    """Stress, gate by kind, subgroups and runs tried are shown on a desk that measured none."""
    document = describe_model(desk, "starter")
    for title in ("Robustness", "Gate: what is no frontal chest image", "Subgroups"):
        assert NOT_MEASURED not in section(document, title)
    assert "JPEG" in section(document, "Robustness") and "-0.0000" not in section(document, "Robustness")
    assert "starter" in section(document, "Runs tried")


def test_every_finished_run_on_the_split_counts_as_tried(desk: Desk) -> None:
    """Both runs of the split are told, and which of them the model is; of a card without a split nothing is."""
    card = model_card(desk, "run:first0")
    with desk.reading() as session:
        split = session.get_one(tables.Run, "first0").split_fingerprint
    tried = model_facts(desk, card.model_copy(update={"split_fingerprint": split}), desk.settings.home).runs_tried
    assert {run.id: run.is_part for run in tried} == {"first0": True, "second": False}
    mean = card.model_copy(update={"split_fingerprint": split, "config": {"average_of": "second"}})
    assert all(run.is_part for run in model_facts(desk, mean, desk.settings.home).runs_tried)
    assert model_facts(desk, card.model_copy(update={"split_fingerprint": ""}), desk.settings.home).runs_tried == ()


def test_the_bundled_card_shows_no_fold_of_its_own_as_other_images(desk: Desk) -> None:
    """Neither the validation fold nor images of which it was trained on most count as an evaluation on others."""
    document = describe_model(desk, "starter")
    assert section(document, "Evaluation on other images") == NOT_MEASURED
    assert "file series" not in section(document, "Subgroups")


def test_an_evaluation_on_other_images_names_its_dataset(desk: Desk) -> None:
    """Two datasets with a split of one name have a row each, with name and engine; validation images have none."""
    hash_ = model_card(desk, "run:first0").weights_hash
    films = made_films(20, prefix="test")
    with desk.transaction() as session:
        for split, dataset in (("test", "a" * 64), ("test", "b" * 64), ("validation", "c" * 64)):
            one = predicted(hash_, split, films, films.labels_N - 0.5)
            report = one.report.model_copy(update={"engine": "openvino"})
            record_opening(session, replace(one, cohort_fingerprint=dataset, report=report), "read")
        session.add(tables.Cohort(fingerprint="a" * 64, root="/films/ward 3", num_images=20, summary={}))
    shown = section(describe_model(desk, "ward@1"), "Evaluation on other images")
    assert "ward 3 (aaaaaaaaaaaa)" in shown and "not on this desk (bbbbbbbbbbbb)" in shown and "openvino" in shown
    assert ("a" * 12 in shown, "b" * 12 in shown, "c" * 12 in shown) == (True, True, False)
