"""What a reader may be called: the name that stands beside batches, verdicts and changes."""

import unicodedata

from core.errors import WorklistError

LONGEST_NAME = 60


LONGEST_NAME = 128


def checked_name(name: str | None) -> str:
    """Return a reader's name without blanks around it; raises WorklistError if there is none or it is too long."""
    name = (name or "").replace("\0", "").strip()
    if not name:
        raise WorklistError("Say who reads first: a verdict is kept with its reader's name.")
    if len(name) > LONGEST_NAME:
        raise WorklistError(f"A reader's name has at most {LONGEST_NAME} characters.")
    return name


def clean_reader_name(text: str) -> str | None:
    """Return a name as it is kept: without control characters, single spaces, at most 60 letters; None if empty."""
    visible = "".join(letter if unicodedata.category(letter)[0] not in "CZ" else " " for letter in text)
    return " ".join(unicodedata.normalize("NFC", visible).split())[:LONGEST_NAME].rstrip() or None
