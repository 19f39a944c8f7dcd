"""Takes from an image's file all that is not the image: names, numbers, dates, places, comments.

What is kept is named one by one, so that nothing unheard of comes through, and what cannot be taken apart is refused
rather than kept. Writing burned into the picture stays.
"""

from collections.abc import Callable

from core.errors import UnreadableFileError, UnusableFilmError
from core.radiograph.dicom_files import looks_like_dicom
from core.radiograph.not_kept import refuse_placeholder
from core.radiograph.plain_jpeg import plain_jpeg
from core.radiograph.redrawing import redrawn
from core.radiograph.rejection import RejectionReason

_JPEG_START = b"\xff\xd8\xff"


def without_identifiers(content: bytes, pseudonym: Callable[[str], str] | None = None) -> bytes:
    """Return the same image without metadata: the same pixels, and of a DICOM header what reading it needs.

    `pseudonym` gives what replaces a patient's number in a DICOM file, so that images of one patient are
    still known to belong together; without it nothing does. An empty file stays one. Raises UnreadableFileError for
    what cannot be cleaned and so must not be saved: damaged images, and all that is no image.
    """
    if not content:
        return content
    if looks_like_dicom(content):
        return _plain_dicom(content, pseudonym)
    refuse_placeholder(content)
    plain = plain_jpeg(content) if content.startswith(_JPEG_START) else None
    return redrawn(content) if plain is None else plain


def _plain_dicom(content: bytes, pseudonym: Callable[[str], str] | None) -> bytes:
    # Only where it is needed: loading the library takes longer than reading many a folder of pictures.
    from core.radiograph.dicom import read_dicom
    from core.radiograph.dicom_header import PARSER_ERRORS
    from core.radiograph.file_errors import typed_file_errors
    from core.radiograph.plain_dicom import plain_dicom

    try:
        return plain_dicom(content, pseudonym)
    except (MemoryError, *PARSER_ERRORS) as error:
        with typed_file_errors():
            try:
                read_dicom(content)
            except UnusableFilmError:
                # Its reason is in the header, whatever became of its pixels.
                return plain_dicom(content, pseudonym, with_pixels=False)
        raise UnreadableFileError(
            RejectionReason.UNSUPPORTED_PIXELS, "the pixels are not stored in a way that can be rewritten"
        ) from error
