"""Every page in a made-up language that brackets each sentence: none is left in English."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from core import language
from core.services.desk import Desk
from core.services.models.lookup import STARTER, model_card
from tests.made_runs import add_run, give_checkpoint, made_films
from tests.messages import collect, compile_catalogue
from tests.patience import PATIENCE_SECONDS

SCRIPT = Path(__file__).resolve().parents[2] / "core" / "ui" / "desk.py"
SHOWN = {"label", "body", "help", "placeholder", "options", "text", "title", "delta", "alt", "default_value"}
SENTENCE = re.compile(r"[^\W\d_]{3,} [^\W\d_]{2,}")
PAGES = (
    ("overview", {}),
    ("triage", {"view": "worklist"}),
    ("triage", {"batch": "first"}),
    ("triage", {"view": "films"}),
    ("triage", {"view": "agreement"}),
    ("triage", {"view": "rules"}),
    ("triage", {"view": "audit"}),
    ("triage", {"view": "keeping"}),
    ("dataset", {}),
    ("training", {}),
    ("training", {"view": "new"}),
    ("training", {"view": "sweeps"}),
    ("training", {"view": "new_sweep"}),
    ("experiments", {}),
    ("experiments", {"run": "first0"}),
    ("experiments", {"compare": "first0,second"}),
    ("experiments", {"ensemble": "first0,second"}),
    ("models", {}),
)


@pytest.fixture(scope="module")
def bracketed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of a language that nobody speaks."""
    catalog = Catalog(locale="eo")
    for message in collect():
        if isinstance(message.id, tuple | list):
            catalog.add(message.id, [f"⟦{form}⟧" for form in message.id][: catalog.num_plurals])
        elif message.id:
            catalog.add(message.id, f"⟦{message.id}⟧")
    locales = tmp_path_factory.mktemp("locales")
    compile_catalogue(catalog, locales / "eo" / "LC_MESSAGES" / "messages.mo")
    return locales


@pytest.fixture
def made_up_language(bracketed: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seed in (("first0", 0), ("second", 1)):
        add_run(desk, name, name=name, seed=seed, films=made_films(60), splits=("validation", "calibration"))
    give_checkpoint(desk, "first0", 32, 0)
    monkeypatch.setattr(language, "LOCALES", bracketed)
    monkeypatch.setenv("PNEUMODESK_LANGUAGE", "eo")


@pytest.mark.usefixtures("made_up_language")
def test_no_sentence_of_a_page_stays_in_english(desk: Desk) -> None:
    """All that pages show comes from the catalogue: what stands outside its brackets is names and numbers."""
    stored, left = model_card(desk, STARTER).model_dump_json().lower(), {}
    for name, query in PAGES:
        # A visit of its own: a page that was open already would keep the view it shows.
        app = AppTest.from_file(str(SCRIPT), default_timeout=PATIENCE_SECONDS).run()
        app.query_params.clear()
        app.query_params.update(query)
        app.switch_page(f"../../pages/{name}.py").run()
        assert not app.exception, (name, query)
        assert "view" not in query or app.query_params["view"] in (query["view"], [query["view"]]), (name, query)
        shown = {text for element in (*app.main, *app.sidebar) for text in texts(element.proto)}
        assert any(text.startswith("⟦") for text in shown)
        if english := {
            text
            for text in shown
            if SENTENCE.search(without_brackets(text)) and text.replace("\\", "").lower().rstrip(".") not in stored
        }:
            left[name, *query] = english
    assert not left


def without_brackets(text: str) -> str:
    """Return what no catalogue has said: names and notes in code or quotes left out too."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    return re.sub(r"`[^`]*`", "", text)


def texts(message: Message | None) -> Iterator[str]:
    """Yield all that an element of a page shows in words."""
    for field, value in message.ListFields() if message is not None else ():
        for one in value if isinstance(value, list | tuple) or hasattr(value, "extend") else (value,):
            if isinstance(one, Message):
                yield from texts(one)
            elif isinstance(one, str) and field.name in SHOWN:
                yield one
