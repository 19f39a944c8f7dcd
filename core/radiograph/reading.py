"""Reads one image file of any known format into one radiograph."""

from pathlib import Path

from core.errors import UnreadableFileError
from core.file_reasons import EmptyFile
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.film import Radiograph
from core.radiograph.formats import format_of
from core.radiograph.not_kept import refuse_placeholder
from core.radiograph.rejection import RejectionReason
from core.reasons import NotPermitted, OpenFailed


def read_radiograph(
    source: Path | bytes, *, shortest_side: int | None = None, whatever_it_shows: bool = False
) -> Radiograph:
    """Return the picture in a file or its bytes as grey values.

    With `shortest_side` a JPEG or DICOM image may come at a half, a quarter or an eighth of its size as long as both
    sides keep that many pixels. Of an animation the first frame is read. A border of one grey value, as a shutter or
    a page leaves, is cropped. Raises UnreadableFileError, and UnusableFilmError for a DICOM file that says it is no
    frontal chest image, unless a person is to see it `whatever_it_shows`.
    """
    content = _content(source)
    with typed_file_errors():
        if not content:
            raise UnreadableFileError(RejectionReason.EMPTY_FILE, EmptyFile())
        refuse_placeholder(content)
        return format_of(content).read(content, shortest_side, whatever_it_shows=whatever_it_shows).cropped()


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except PermissionError as error:
        raise UnreadableFileError(RejectionReason.NO_PERMISSION, NotPermitted()) from error
    except OSError as error:
        raise UnreadableFileError(RejectionReason.READ_ERROR, OpenFailed(str(error.strerror))) from error
