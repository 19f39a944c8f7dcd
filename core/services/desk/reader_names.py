"""What a reader may be called: the name that is shown beside batches, verdicts and changes."""

import unicodedata

from core.errors import WorklistError
from core.language import tr

LONGEST_NAME = 128


def checked_name(name: str | None) -> str:
    """Return a reader's name as it is kept; raises WorklistError if there is none or it is too long."""
    cleaned = _cleaned(name or "")
    if not cleaned:
        raise WorklistError(tr("Say who reads first: a verdict is kept with its reader's name."))
    if len(cleaned) > LONGEST_NAME:
        raise WorklistError(tr("A reader's name has at most {longest} characters.", longest=LONGEST_NAME))
    return cleaned


def clean_reader_name(text: str) -> str | None:
    """Return a name as it is kept, cut to its longest; None if nothing of it can be seen."""
    return _cleaned(text)[:LONGEST_NAME].rstrip() or None


def _cleaned(text: str) -> str:
    """Without control characters, with single spaces, accents composed: one person typing twice is one reader."""
    visible = "".join(letter if unicodedata.category(letter)[0] not in "CZ" else " " for letter in text)
    return " ".join(unicodedata.normalize("NFC", visible).split())
