"""The model card as a document and as files, and models side by side."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import EvaluationError
from core.services.desk import Desk, open_desk
from core.services.model_card_files import CardFormat, render_card
from core.services.model_comparison import compare_models
from core.services.model_document import NOT_MEASURED, ModelDocument, describe_model
from core.services.promotion import PromoteRequest, promote
from core.settings import NOTICE, AppSettings
from tests.made_runs import add_run, give_checkpoint, made_films


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with two runs on the same films, each promoted; the second's notes are meant to do harm."""
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
    assert "subtype: viral" in section(document, "Subgroups")
    assert NOT_MEASURED in section(document, "Robustness")
    assert NOT_MEASURED in section(document, "Evaluation on other films")
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
    """Both have their figures, the seed differs, and the same films allow one test in words."""
    found = compare_models(desk, ["ward@1", "ward@2"])
    assert found.config_differences["weights_hash"][0] != found.config_differences["weights_hash"][1]
    assert all(" to " in found.figures[0][name] for name in ("ward@1", "ward@2"))
    assert len(found.words) == 1 and "ward@2" in found.words[0]
    with pytest.raises(EvaluationError, match="2 to 8 different models"):
        compare_models(desk, ["ward@1", "ward@1"])
