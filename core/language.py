"""The one way of every sentence that a person may read: English in the code, any language of `core/locales` on screen.

`tr` and `tr_n` translate whole sentences with named placeholders; `mark` only names a sentence for translators, where
it is written before the language is known (constants, help of fields), and `tr` translates it where it is shown.
"""

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

SOURCE = "en"
DOMAIN = "messages"
LOCALES = Path(__file__).with_name("locales")

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


class Sentence(str):
    """A message in words, which still knows what it was made of: it can be kept so and said in another language."""

    message: str
    """The message of the source, or its singular."""
    plural: str | None
    values: Mapping[str, object]


def tr(message: str, /, **values: object) -> Sentence:
    """Return a message in the current language with its placeholders filled in, as in `tr("{n:,} files", n=3)`."""
    translated = form_of(message, None, 0)
    return _sentence(translated.format(**values) if values else translated, message, None, values)


def tr_n(singular: str, plural: str, n: int, /, **values: object) -> Sentence:
    """Return the form of a message that belongs to the number `n`, which is a placeholder of that name."""
    values = {"n": n, **values}
    return _sentence(form_of(singular, plural, n).format(**values), singular, plural, values)


def form_of(message: str, plural: str | None, n: int) -> str:
    """Return a message in the current language with its placeholders; with a plural, the form that belongs to `n`."""
    if plural is not None:
        return _catalogue().ngettext(message, plural, n)
    return _catalogue().gettext(message) if message else message


def mark(message: str, /) -> str:
    """Return a message as it is: it is named for translators here, and translated by `tr` where it is shown."""
    return message


def current_language() -> str:
    """Return the language chosen for this context, or else that of the desk (`PNEUMODESK_LANGUAGE`)."""
    return _chosen.get() or os.environ.get("PNEUMODESK_LANGUAGE") or SOURCE


def use_language(language: str | None) -> None:
    """Choose the language of this context, such as one page's or one request's; None returns to the desk's own."""
    _chosen.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language inside the block, such as English in a document for other desks."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def _sentence(words: str, message: str, plural: str | None, values: Mapping[str, object]) -> Sentence:
    sentence = Sentence(words)
    sentence.message, sentence.plural, sentence.values = message, plural, values
    return sentence


def _catalogue() -> gettext.NullTranslations:
    return _load(current_language(), LOCALES)


@lru_cache(maxsize=16)
def _load(language: str, locales: Path) -> gettext.NullTranslations:
    """A language without a catalogue is shown in English, as is a message that a catalogue lacks."""
    if language == SOURCE:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, locales, [language], fallback=True)
