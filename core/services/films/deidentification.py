"""What a file that was sent is kept as: the image alone, a table of vocabulary, or the reason why it is not kept."""

import csv
import hashlib
from functools import partial
from io import StringIO
from pathlib import PurePosixPath

from core.dataset.metadata import EMPTY_CELLS, METADATA_FILE
from core.dataset.split_words import LABELS, split_named
from core.errors import UnreadableFileError
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.identifiers import without_identifiers
from core.radiograph.not_kept import placeholder
from core.services.desk import Desk
from core.services.films.pseudonyms import Kind, patient_pseudonym, pseudonym

UNKNOWN_WORD = "unknown"


def plain_file(desk: Desk, name: str, content: bytes) -> bytes:
    """Return what is kept of a file: nothing but the image, or a note of why nothing is."""
    if PurePosixPath(name).name.lower() == METADATA_FILE:
        table = _plain_metadata(desk, content)
        if table is not None:
            return table
    try:
        with typed_file_errors():
            return without_identifiers(content, partial(patient_pseudonym, desk))
    except UnreadableFileError as error:
        return note_of(desk, error, hashlib.sha256(content).hexdigest())


def note_of(desk: Desk, error: UnreadableFileError, identity: str) -> bytes:
    """Return what is kept in place of a file; files of another identity, such as a SHA-256, have another note."""
    return placeholder(error.reason, pseudonym(desk, Kind.FILE, identity))


def _plain_metadata(desk: Desk, content: bytes) -> bytes | None:
    """Return a metadata.csv with known words of label and split and pseudonyms of patients, None if it is no table."""
    try:
        rows = list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    columns = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"file", "label"} <= set(columns):
        return None
    kept = [name for name in ("file", "label", "patient_id", "split") if name in columns]
    stream = StringIO()
    # Without the guard of exports against formulas: an import reads it back by the files' names.
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(kept)
    for row in rows[1:]:
        cells = dict(zip(columns, row, strict=False))
        writer.writerow([_cell(desk, name, cells.get(name, "").strip()) for name in kept])
    return stream.getvalue().encode()


def _cell(desk: Desk, column: str, value: str) -> str:
    if column == "file":
        return value
    if value.lower() in EMPTY_CELLS:
        return ""
    if column == "patient_id":
        return patient_pseudonym(desk, value)
    is_known = value.lower() in LABELS if column == "label" else split_named(value) is not None
    return value if is_known else UNKNOWN_WORD
