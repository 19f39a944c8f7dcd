"""Components of the browser say nothing of their own: their words come from Python, in whole sentences."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from core import language
from core.ui.component_words import Words, plural_forms, with_words
from core.ui.uploader.words import uploader_words
from core.ui.viewer.words import viewer_words
from tests.bare_markup import bare_in_page, bare_in_script
from tests.bare_sentences import ROOT
from tests.messages import compile_catalogue

UI = ROOT / "core" / "ui"
NAMED = re.compile(r'(?:\.(?:say|count)\("|data-(?:words|title|label)="|data\.words\.)(\w+)')
"""How a page or a script names its words."""


def test_no_component_has_words_of_its_own() -> None:
    """No literal of a script and no text of a page is for people."""
    bare = {str(path.relative_to(ROOT)): bare_in_script(path.read_text("utf-8")) for path in UI.rglob("*.js")}
    bare |= {str(path.relative_to(ROOT)): bare_in_page(path.read_text("utf-8")) for path in UI.rglob("*.html")}
    assert len(bare) >= 8
    assert not {path: found for path, found in bare.items() if found}


def test_the_search_of_scripts_finds_what_people_read_and_nothing_else() -> None:
    """Sentences, templates with words and what is shown at once; no codes, selectors, styles, patterns or comments."""
    script = """
      // Don't count this comment's "words in it".
      say("Looking through it"); part.textContent = "cancelled"; parts.push(`${n} failed`); button.title = `Turn`;
      find(".heat-control"); if (state === "waiting" && /it is "quoted words" too/.test(name)) style.width = `${w}px`;
      fetch(`${address}/files?${query}`, { method: "PUT", headers: { "Content-Type": "application/json" } });
      box.transform = `translate(${x}px, ${y}px) scale(${zoom})`; image.alt = data.alt;
    """
    assert bare_in_script(script) == ["Looking through it", "cancelled", "${n} failed", "Turn"]
    page = '<p class="call" title="Choose it">+ <b>Zoom</b> 0</p><img alt=""><i data-title="choose_it"></i>'
    assert bare_in_page(page) == ["Choose it", "Zoom"]


@pytest.mark.parametrize(("folder", "words"), [("viewer", viewer_words()), ("uploader", uploader_words())])
def test_a_component_is_given_the_words_that_it_names(folder: str, words: Words) -> None:
    """None is missing, which would be shown as nothing, and none is translated in vain."""
    named = {name for path in (UI / folder).iterdir() if path.suffix in {".js", ".html"} for name in names_in(path)}
    named |= {"gigabytes", "megabytes", "seconds", "minutes"} if folder == "uploader" else set()
    assert named == words.keys()


def names_in(path: Path) -> set[str]:
    return set(NAMED.findall(path.read_text("utf-8")))


def test_forms_are_those_of_the_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of number has its form with the count still open, and the language is named as browsers do."""
    assert plural_forms("{count} file", "{count} files")["1"] == "{count} file"
    catalog = Catalog(locale="pl")
    catalog.add(("{count} file", "{count} files"), ("{count} plik", "{count} pliki", "{count} plików"))
    compile_catalogue(catalog, tmp_path / "pl_PL" / "LC_MESSAGES" / "messages.mo")
    monkeypatch.setattr(language, "LOCALES", tmp_path)
    monkeypatch.setenv("PNEUMODESK_LANGUAGE", "pl_PL")
    forms = plural_forms("{count} file", "{count} files")
    assert [forms[number] for number in ("1", "3", "100")] == ["{count} plik", "{count} pliki", "{count} plików"]
    assert with_words({"files": forms}) == {"words": {"files": forms}, "language": "pl-PL"}
