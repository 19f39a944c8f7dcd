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
from tests.made_runs import add_run, give_checkpoint, made_films
from tests.messages import collect, compile_catalogue

SCRIPT = Path(__file__).resolve().parents[2] / "core" / "ui" / "desk.py"
SHOWN = {"label", "body", "help", "placeholder", "options", "text", "title", "delta", "alt", "default_value"}
SENTENCE = re.compile(r"[^\W\d_]{3,} [^\W\d_]{2,}")
PAGES = (
    ("overview", {}),
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
@pytest.mark.parametrize(
    ("name", "query"), PAGES, ids=lambda one: one if isinstance(one, str) else "-".join(one) or "-"
)
def test_no_sentence_of_a_page_stays_in_english(name: str, query: dict[str, str]) -> None:
    """All that a page shows comes from the catalogue: what stands outside its brackets is names and numbers."""
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    for parameter, value in query.items():
        app.query_params[parameter] = value
    if name != "overview":
        app.switch_page(f"../../pages/{name}.py")
    app.run()
    assert not app.exception
    shown = {text for element in (*app.main, *app.sidebar) for text in texts(element.proto)}
    assert any(text.startswith("⟦") for text in shown)
    assert not {text for text in shown if SENTENCE.search(without_brackets(text))}


def without_brackets(text: str) -> str:
    """Return what no catalogue has said: names and notes in code or quotes left out too."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    return re.sub(r"`[^`]*`", "", text)


def texts(message: Message) -> Iterator[str]:
    """Yield all that an element of a page shows in words."""
    for field, value in message.ListFields():
        for one in value if isinstance(value, list | tuple) or hasattr(value, "extend") else (value,):
            if isinstance(one, Message):
                yield from texts(one)
            elif isinstance(one, str) and field.name in SHOWN:
                yield one
