"""Redraws a picture: its decoded samples in a new PNG or TIFF, and nothing else of its file.

Shapes: H and W pixels of the upright picture.
"""

import struct
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from core.radiograph.file_errors import typed_file_errors
from core.radiograph.image_format import ImageFormat
from core.radiograph.pictures import (
    SIXTEEN_BIT_MODES,
    is_of_32_unsigned_bits,
    on_black,
    open_picture,
    refuse_what_needs_too_much_memory,
    says_white_is_zero,
    typed_decoder_errors,
)

_SHORT, _LONG = 3, 4
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_GREY_WHITE_IS_ZERO, _GREY = 0, 1


def redrawn(content: bytes, known: Sequence[ImageFormat]) -> bytes:
    """Return the picture in a file of a known format, upright, as another file that reads the very same.

    Raises UnreadableFileError for what is no picture, is damaged, or is too large to be decoded.
    """
    with typed_file_errors():
        image = open_picture(content, known)
        refuse_what_needs_too_much_memory(image, len(content), known)
        is_sixteen_bit = image.mode in SIXTEEN_BIT_MODES
        with typed_decoder_errors():
            image.load()
            white_is_zero = is_sixteen_bit and says_white_is_zero(image)
            ImageOps.exif_transpose(image, in_place=True)
            return _written(image, is_sixteen_bit, white_is_zero)


def _written(image: Image.Image, is_sixteen_bit: bool, white_is_zero: bool) -> bytes:
    if white_is_zero:
        return _tiff(np.asarray(image).astype("<u2"), _UNSIGNED, _GREY_WHITE_IS_ZERO)
    if image.mode == "F":
        return _tiff(np.asarray(image).astype("<f4"), _FLOAT)
    if image.mode == "I":
        is_unsigned = image.format == "TIFF" and is_of_32_unsigned_bits(image)
        return _tiff(np.asarray(image).astype("<i4"), _UNSIGNED if is_unsigned else _SIGNED)
    if is_sixteen_bit:
        return _png(Image.fromarray(np.asarray(image).astype("<u2")))
    if image.mode in {"1", "L"} and "transparency" not in image.info:
        return _png(image)
    return _png(on_black(image.convert("L") if image.mode == "1" else image))


def _png(image: Image.Image) -> bytes:
    # A new image of the same samples: the old one carries what its file said.
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    stream = BytesIO()
    bare.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _tiff(values_HW: np.ndarray, sample_format: int, photometric: int = _GREY) -> bytes:
    """Return little-endian samples in a TIFF of one strip, for kinds of numbers that a PNG cannot hold."""
    height, width = values_HW.shape
    entries = [
        (256, _LONG, width),
        (257, _LONG, height),
        (258, _SHORT, values_HW.itemsize * 8),
        (259, _SHORT, 1),
        (262, _SHORT, photometric),
        (273, _LONG, 0),
        (277, _SHORT, 1),
        (278, _LONG, height),
        (279, _LONG, values_HW.nbytes),
        (339, _SHORT, sample_format),
    ]
    head = 8 + 2 + 12 * len(entries) + 4
    written = b"".join(
        struct.pack("<HHII", tag, kind, 1, head if tag == 273 else value) for tag, kind, value in entries
    )
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + written + bytes(4) + values_HW.tobytes()
