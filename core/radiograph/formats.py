"""All formats of image files that the desk takes, each said in one place.

Reading, the cleaning of uploads, the index of a dataset and the messages that name formats all go by this table.
"""

import re
from collections.abc import Callable

from core.radiograph.dicom_files import PREAMBLE, looks_like_dicom
from core.radiograph.film import Radiograph
from core.radiograph.image_format import ImageFormat, Origin, Pseudonym
from core.radiograph.pictures import read_picture
from core.radiograph.plain_jpeg import plain_jpeg
from core.radiograph.redrawing import redrawn

NUM_HEAD_BYTES = PREAMBLE + 4
"""Of a file, by which its format is told."""


def format_of(content: bytes) -> ImageFormat:
    """Return the format that a file begins as, whatever it is called.

    What begins as none may still be a picture to its decoder, such as a bitmap without its head: it is left to the
    readers of pictures, which refuse all else.
    """
    # The last first: before its own mark a DICOM file may hold anything, the beginning of a TIFF as well.
    return next((known for known in reversed(IMAGE_FORMATS) if known.begins(content)), _ANY_PICTURE)


def looks_like_image(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is of a known format."""
    return format_of(head) is not _ANY_PICTURE


def origin_of(content: bytes) -> Origin:
    """Return what a file says of its origin."""
    return format_of(content).origin(content)


def _begins(pattern: bytes) -> Callable[[bytes], bool]:
    start = re.compile(pattern, flags=re.DOTALL)
    return lambda head: start.match(head) is not None


def _read_picture(content: bytes, shortest_side: int | None, *, whatever_it_shows: bool) -> Radiograph:
    return read_picture(content, IMAGE_FORMATS, shortest_side)


def _redrawn(content: bytes, _pseudonym: Pseudonym | None) -> bytes:
    return redrawn(content, IMAGE_FORMATS)


def _plain_jpeg(content: bytes, _pseudonym: Pseudonym | None) -> bytes:
    plain = plain_jpeg(content)
    return redrawn(content, IMAGE_FORMATS) if plain is None else plain


# The library for DICOM is loaded where it is needed only: that takes longer than reading many a folder of pictures.


def _read_dicom(content: bytes, shortest_side: int | None, *, whatever_it_shows: bool) -> Radiograph:
    from core.radiograph.dicom import read_dicom

    return read_dicom(content, shortest_side, whatever_it_shows=whatever_it_shows)


def _plain_dicom(content: bytes, pseudonym: Pseudonym | None) -> bytes:
    from core.radiograph.plain_dicom import plain_dicom

    return plain_dicom(content, pseudonym)


def _origin_of_dicom(content: bytes) -> Origin:
    from core.radiograph.dicom_patient import patient_and_instance

    return Origin(*patient_and_instance(content))


IMAGE_FORMATS = (
    ImageFormat(
        "JPEG",
        _begins(rb"\xff\xd8\xff"),
        (".jpg", ".jpeg"),
        _read_picture,
        _plain_jpeg,
        decoders=("JPEG",),
        may_come_smaller=True,
    ),
    ImageFormat("PNG", _begins(rb"\x89PNG\r\n\x1a\n"), (".png",), _read_picture, _redrawn, decoders=("PNG",)),
    ImageFormat("BMP", _begins(rb"BM....\0\0\0\0"), (".bmp",), _read_picture, _redrawn, decoders=("BMP", "DIB")),
    ImageFormat("TIFF", _begins(rb"II[*+]\0|MM\0[*+]"), (".tif", ".tiff"), _read_picture, _redrawn, decoders=("TIFF",)),
    ImageFormat(
        "WebP",
        _begins(rb"RIFF....WEBP"),
        (".webp",),
        _read_picture,
        _redrawn,
        decoders=("WEBP",),
        num_decoder_bytes=8,
    ),
    ImageFormat(
        "GIF", _begins(rb"GIF8[79]a"), (".gif",), _read_picture, _redrawn, decoders=("GIF",), num_decoder_bytes=8
    ),
    ImageFormat("DICOM", looks_like_dicom, (".dcm", ".dicom"), _read_dicom, _plain_dicom, _origin_of_dicom),
)

_ANY_PICTURE = ImageFormat("picture", lambda _head: False, (), _read_picture, _redrawn)

FORMAT_NAMES = ", ".join(known.name for known in IMAGE_FORMATS)
ENDINGS = tuple(ending for known in IMAGE_FORMATS for ending in known.endings)
