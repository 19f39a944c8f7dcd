"""What a reader may be called: the name that stands beside batches, verdicts and changes."""

import unicodedata

LONGEST_NAME = 60


def clean_reader_name(text: str) -> str | None:
    """Return a name as it is kept: without control characters, single spaces, at most 60 letters; None if empty."""
    visible = "".join(letter if unicodedata.category(letter)[0] not in "CZ" else " " for letter in text)
    return " ".join(unicodedata.normalize("NFC", visible).split())[:LONGEST_NAME].rstrip() or None
