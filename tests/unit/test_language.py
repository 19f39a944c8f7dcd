"""Sentences pass through one function, in whole and with named placeholders, and translators get all of them."""

import ast
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from core import language
from core.language import mark, tr, tr_n, use_language
from tests.bare_sentences import ROOT, bare_elsewhere, bare_in, bare_in_figures, bare_on_screen
from tests.messages import collect, compile_catalogue, read_template, translated

STILL_BARE = ROOT / "tests" / "still_bare.txt"


@pytest.fixture
def spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(locale="es")
    catalog.add("Read {n:,} of {total:,} files", "De {total:,} archivos se leyeron {n:,}")
    catalog.add(("{n} file", "{n} files"), ("{n} archivo", "{n} de archivos", "{n} archivos"))
    compile_catalogue(catalog, tmp_path / "es" / "LC_MESSAGES" / "messages.mo")
    monkeypatch.setattr(language, "LOCALES", tmp_path)
    monkeypatch.setenv("PNEUMODESK_LANGUAGE", "es")


def test_english_is_what_the_code_says() -> None:
    """Placeholders are filled in by name, and a sentence without values keeps its braces."""
    assert tr("Read {n:,} of {total:,} files", n=1200, total=3400) == "Read 1,200 of 3,400 files"
    assert [tr_n("{n} file in {folder}", "{n} files in {folder}", n, folder="a") for n in (0, 1, 2)] == [
        "0 files in a",
        "1 file in a",
        "2 files in a",
    ]
    assert tr("{as it is}") == mark("{as it is}") == "{as it is}"
    assert tr("") == ""


@pytest.mark.usefixtures("spanish")
def test_a_catalogue_translates_and_may_turn_the_order_round() -> None:
    """Sentences come from the catalogue of the desk's language; one that it lacks is English."""
    assert tr("Read {n:,} of {total:,} files", n=1200, total=3400) == "De 3,400 archivos se leyeron 1,200"
    assert [tr_n("{n} file", "{n} files", n) for n in (1, 2, 10**6)] == [
        "1 archivo",
        "2 archivos",
        "1000000 de archivos",
    ]
    assert tr("Unknown here") == "Unknown here"


@pytest.mark.usefixtures("spanish")
def test_one_context_may_speak_another_language() -> None:
    """A chosen language goes before that of the desk, and one without a catalogue is English."""
    use_language("xx")
    try:
        assert tr_n("{n} file", "{n} files", 2) == "2 files"
    finally:
        use_language(None)
    assert tr_n("{n} file", "{n} files", 2) == "2 archivos"


def test_translators_have_every_sentence() -> None:
    """The template holds exactly what the code says; `make messages` brings it up to date."""
    assert {message.id for message in read_template()} == {message.id for message in collect()}


def test_translations_name_the_placeholders_of_their_sentence() -> None:
    """A translation that lacks a value, or names one that is not given, would fail when it is shown."""
    for path in translated():
        with path.open("rb") as file:
            assert not [message.id for message in read_po(file) if not fits(message)], path
    assert fits(Message("{n:,} of {total}", "{total} {n}"))
    assert not fits(Message("{n:,} of {total}", "{total} {m}"))
    assert not fits(Message(("{n} file", "{n} files"), ("archivo", "{n} archivos de {folder}")))


def fits(message: Message) -> bool:
    """Whether all forms of a translation use no other names than the sentence, and the last form all of them."""
    sentences = message.id if isinstance(message.id, tuple | list) else (message.id,)
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    if not any(forms):
        return True
    return placeholders(sentences[-1]) == placeholders(forms[-1]) and all(
        placeholders(form) <= placeholders(sentences[-1]) for form in forms
    )


def placeholders(sentence: str) -> set[str]:
    return {name.split(".")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_no_sentence_goes_past_the_translation() -> None:
    """Pages, errors and help say nothing in bare literals; the list of files that still do only becomes shorter."""
    bare = {file: sentences for file in files() if (sentences := bare_in(file))}
    still = set(STILL_BARE.read_text(encoding="utf-8").split())
    told = {file: [one.text for one in sentences] for file, sentences in bare.items() if file not in still}
    assert not told, f"wrap these in tr, tr_n or mark of core.language: {told}"
    assert still <= bare.keys(), f"take these off {STILL_BARE.name}: {sorted(still - bare.keys())}"


def files() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for top in ("core", "pages") for path in (ROOT / top).rglob("*.py"))


def test_the_search_finds_what_people_read_and_nothing_else() -> None:
    """Labels, help and errors are found; keys, icons, states, docstrings and what is translated are not."""
    page = '''
def show(n):
    """A docstring."""
    st.button("Stop it", key="the key", icon=":material/stop:")
    st.caption(f"{n} files", help=tr("Known"))
    if state == "Not This": st.metric(tr("Known {x}", x=f"of {n} more"), f"triage.{n}")
'''
    assert [one.text for one in bare_on_screen(ast.parse(page))] == ["of {} more", "{} files", "Stop it"]
    code = """
NAMES = ["any words here"]
age: int = Field(description="In years.")
def check(path):
    print("any words here")
    raise InputNotFoundError(f"there is no {path}")
"""
    assert [one.text for one in bare_elsewhere(ast.parse(code))] == ["there is no {}", "In years."]
    chart = """figure.add_bar(name="chance", x=["a"], text=[tr("yes"), "no"], mode="lines", hovertemplate="%{x}")"""
    assert [one.text for one in bare_in_figures(ast.parse(chart))] == ["chance", "no"]
