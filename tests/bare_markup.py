"""Finds words for people in the scripts and pages of components: they come from Python, in the desk's language."""

import re
from html.parser import HTMLParser

from tests.bare_sentences import reads_like_words

SHOWN_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "aria-description", "label"}
LETTERS = re.compile(r"[^\W\d_]")
COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|/(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n*\[])+/[gimsuy]*(?=[.,;)\s])|(["'])((?:\\.|(?!\1).)*)\1|`((?:\\.|[^`])*)`""",
    re.DOTALL,
)
SHOWING = re.compile(
    r"(?:(?:textContent|innerText|innerHTML|title|alt|placeholder)\s*\+?=|\b(?:alert|createTextNode)\()\s*$"
)
STYLE = re.compile(r"\b[a-z]+\([^()]*\)")
FILLED_IN = re.compile(r"\$\{[^{}]*\}")
CODES = re.compile(r"AbortError|[A-Z][a-z]+(?:-[A-Z][a-z]+)+|.*; Path=/;.*")
"""What browsers call things by: errors, headers, and the text of a cookie."""


def bare_in_script(script: str) -> list[str]:
    """Return the literals of a script that read like words, and all that it shows at once."""
    found = []
    for match in COMMENT_OR_LITERAL.finditer(script):
        text = match[2] if match[2] is not None else match[3]
        if text is None or CODES.fullmatch(text):
            continue
        is_template = match[3] is not None
        words = STYLE.sub("", FILLED_IN.sub("{}", text)) if is_template else text
        shown = SHOWING.search(script[: match.start()]) and LETTERS.search(words)
        if shown or reads_like_words(words, is_filled_in=is_template and "{}" in words):
            found.append(text)
    return found


def bare_in_page(page: str) -> list[str]:
    """Return the texts of a page that have letters, and the attributes that browsers show or read out."""
    parser = _Texts()
    parser.feed(page)
    parser.close()
    return parser.found


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value and LETTERS.search(value)]

    def handle_data(self, data: str) -> None:
        self.found += [data.strip()] if LETTERS.search(data) else []
