"""The one way of every sentence that a person may read: English in the code, any language of `core/locales` on screen.

`tr` and `tr_n` translate whole sentences with named placeholders; `mark` only names a sentence for translators, where
it is written before the language is known (constants, help of fields), and `tr` translates it where it is shown.
"""

import gettext
import os
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

SOURCE = "en"
DOMAIN = "messages"
LOCALES = Path(__file__).with_name("locales")

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def tr(message: str, /, **values: object) -> str:
    """Return a message in the current language with its placeholders filled in, as in `tr("{n:,} files", n=3)`."""
    translated = _catalogue().gettext(message) if message else message
    return translated.format(**values) if values else translated


def tr_n(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Return the form of a message that belongs to the number `n`, which is a placeholder of that name."""
    return _catalogue().ngettext(singular, plural, n).format(n=n, **values)


def mark(message: str, /) -> str:
    """Return a message as it is: it is named for translators here, and translated by `tr` where it is shown."""
    return message


def current_language() -> str:
    """Return the language chosen for this context, or else that of the desk (`PNEUMODESK_LANGUAGE`)."""
    return _chosen.get() or os.environ.get("PNEUMODESK_LANGUAGE") or SOURCE


def use_language(language: str | None) -> None:
    """Choose the language of this context, such as one page's or one request's; None returns to the desk's own."""
    _chosen.set(language)


def _catalogue() -> gettext.NullTranslations:
    return _load(current_language(), LOCALES)


@lru_cache(maxsize=16)
def _load(language: str, locales: Path) -> gettext.NullTranslations:
    """A language without a catalogue is shown in English, as is a message that a catalogue lacks."""
    if language == SOURCE:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, locales, [language], fallback=True)
