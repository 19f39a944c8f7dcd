"""Takes from a film's file all that is not the film: names, numbers, dates, places, comments.

What is kept is named one by one, so that nothing unheard of comes through. Writing burned into the picture stays.
"""

import struct
from io import BytesIO

import numpy as np
from PIL import Image

from core.errors import RadiographError
from core.radiograph.dicom_files import PREAMBLE, looks_like_dicom
from core.radiograph.reading import read_radiograph

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"}
JPEG_START = b"\xff\xd8\xff"
OTHER_STARTS = (b"II*\0", b"MM\0*", b"GIF8", b"RIFF", b"BM")
ORIENTATION_TAG = 0x0112


def without_identifiers(content: bytes) -> bytes:
    """Return the same film without metadata: the same pixels, and of a DICOM header what reading it needs.

    A file of no known format is returned as it is, and a DICOM file that cannot be taken apart as an empty one.
    """
    if looks_like_dicom(content):
        return _plain_dicom(content)
    if content.startswith(JPEG_START):
        return _plain_jpeg(content)
    if content.startswith(PNG_START):
        return _plain_png(content)
    return _redrawn(content) if content.startswith(OTHER_STARTS) else content


def _plain_dicom(content: bytes) -> bytes:
    from core.radiograph.dicom_header import PARSER_ERRORS
    from core.radiograph.plain_dicom import plain_dicom

    try:
        return plain_dicom(content)
    except (RadiographError, MemoryError, struct.error, *PARSER_ERRORS):
        return bytes(PREAMBLE) + b"DICM"


def _plain_jpeg(content: bytes) -> bytes:
    """Leave out comments and application segments but for those that tell how the colours are coded, and the turn."""
    kept, place = bytearray(b"\xff\xd8" + _turn(content)), 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker in {0xFF, 0x01} or 0xD0 <= marker <= 0xD9:
            break
        segment = content[place : place + 2 + length]
        is_kept = not (0xE0 <= marker <= 0xEF or marker == 0xFE)
        if is_kept or segment[4:9] in (b"JFIF\0", b"Adobe"):
            kept += segment
        place += 2 + length
        if marker == 0xDA:
            break
    end = content.rfind(b"\xff\xd9")
    return bytes(kept + content[place : end + 2 if end >= place else len(content)])


def _turn(content: bytes) -> bytes:
    """Return an Exif segment that says only how the picture is turned, nothing for one that lies right."""
    try:
        orientation = Image.open(BytesIO(content), formats=["JPEG"]).getexif().get(ORIENTATION_TAG, 1)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error, Image.DecompressionBombError):
        return b""
    if orientation not in range(2, 9):
        return b""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    said = exif.tobytes()
    return b"\xff\xe1" + (len(said) + 2).to_bytes(2, "big") + said


def _plain_png(content: bytes) -> bytes:
    """Keep the chunks that make the picture; one that is turned is drawn anew."""
    try:
        if Image.open(BytesIO(content), formats=["PNG"]).getexif().get(ORIENTATION_TAG, 1) != 1:
            return _redrawn(content)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error, Image.DecompressionBombError):
        pass
    kept, place = bytearray(PNG_START), len(PNG_START)
    while place + 8 <= len(content):
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if kind in PNG_KEPT:
            kept += content[place : place + 12 + length]
        place += 12 + length
        if kind == b"IEND":
            break
    return bytes(kept)


def _redrawn(content: bytes) -> bytes:
    """Return a picture as PNG of the same grey or colour; what cannot be read stays as it is and will be refused."""
    try:
        radiograph = read_radiograph(content)
        if radiograph.colourfulness > 0:
            image = Image.open(BytesIO(content)).convert("RGB")
        elif radiograph.grey_HW.dtype == np.uint8:
            image = Image.fromarray(radiograph.grey_HW)
        else:
            image = Image.fromarray(np.round(radiograph.grey_HW * 65535).astype(np.uint16))
    except (RadiographError, OSError, ValueError):
        return content
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
