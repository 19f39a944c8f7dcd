"""Reads the picture in a file of any format that Pillow decodes.

Shapes: H and W pixels of the upright picture.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO

import numpy as np
import pyarrow
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from core.errors import UnreadableFileError
from core.file_reasons import (
    DecodingTooLarge,
    GreyNotFinite,
    MorePixelsThanRead,
    NotEnoughMemory,
    PictureDamaged,
    PictureHeadDamaged,
    PixelBomb,
    UnknownFormat,
)
from core.radiograph.colour import colourfulness
from core.radiograph.depth import range_of, white_of
from core.radiograph.film import Radiograph
from core.radiograph.image_format import ImageFormat
from core.radiograph.large_films import MAX_PIXELS, MOST_BYTES, mean_of_blocks, memory_needed, reduced, reduction
from core.radiograph.rejection import RejectionReason
from core.radiograph.remarks import Remarks
from core.reasons import Reason

# A format can only be named to Pillow once its plugin is loaded.
Image.init()
# Pillow otherwise gives every picture's memory back to the system, and getting it again costs a tenth of the decoding.
Image.core.set_blocks_max(8)

_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders are known to raise for damaged files."""

SIXTEEN_BIT_MODES = {"I;16", "I;16L", "I;16B", "I;16N"}
_BITS_TAG, _PHOTOMETRIC_TAG, _SAMPLE_FORMAT_TAG = 258, 262, 339
MEGAPIXELS = MAX_PIXELS // 10**6
MOST_PAGES = 16
"""Of a TIFF that are looked at for the largest; more is a document."""


def read_picture(content: bytes, known: Sequence[ImageFormat], shortest_side: int | None) -> Radiograph:
    """Return the picture in a file of one of the known formats; raises UnreadableFileError."""
    image = open_picture(content, known)
    remarks = Remarks()
    width, height = _upright_size(image)
    mode, file_format = image.mode, image.format or ""
    if shortest_side and any(file_format in one.decoders and one.may_come_smaller for one in known):
        image.draft(None, (shortest_side, shortest_side))
    refuse_what_needs_too_much_memory(image, len(content), known)
    with typed_decoder_errors():
        image.load()
        image = reduced(image)
        white_is_zero = mode in SIXTEEN_BIT_MODES and says_white_is_zero(image)
        # In place, for otherwise a picture that lies right is copied.
        ImageOps.exif_transpose(image, in_place=True)
        grey_HW, colour = _grey(image, white_is_zero, remarks)
    depth = 16 if mode in SIXTEEN_BIT_MODES else {"1": 1, "I": 32, "F": 32}.get(mode, 8)
    notes = tuple(remarks.notes)
    return Radiograph(grey_HW, width, height, mode, depth, file_format, colour, notes=notes)


@contextmanager
def typed_decoder_errors() -> Iterator[None]:
    """Turn what decoding a damaged picture raises into UnreadableFileError."""
    try:
        yield
    except MemoryError as error:
        raise UnreadableFileError(RejectionReason.TOO_MANY_PIXELS, NotEnoughMemory()) from error
    except Image.DecompressionBombError as error:
        # A picture within the picture says so only while it is decoded.
        raise _too_many_pixels(PixelBomb(MEGAPIXELS)) from error
    except _DECODER_ERRORS as error:
        raise UnreadableFileError(RejectionReason.TRUNCATED, PictureDamaged(_brief(error))) from error


def open_picture(content: bytes, known: Sequence[ImageFormat]) -> Image.Image:
    """Return a picture of one of the known formats whose pixels are not decoded yet; raises UnreadableFileError."""
    try:
        image = Image.open(BytesIO(content), formats=[name for one in known for name in one.decoders])
        if image.format == "TIFF":
            _turn_to_largest_page(image)
    except UnidentifiedImageError as error:
        names = ", ".join(one.name for one in known)
        raise UnreadableFileError(RejectionReason.NOT_A_PICTURE, UnknownFormat(names)) from error
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(PixelBomb(MEGAPIXELS)) from error
    except _DECODER_ERRORS as error:
        raise UnreadableFileError(RejectionReason.TRUNCATED, PictureHeadDamaged(_brief(error))) from error
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(MorePixelsThanRead(image.width, image.height, MEGAPIXELS))
    return image


def _turn_to_largest_page(image: Image.Image) -> None:
    """Leave a TIFF at its largest page, the first of several: a small copy of the image may lie before it."""
    sizes = [image.width * image.height]
    with suppress(EOFError):
        for page in range(1, MOST_PAGES):
            image.seek(page)
            sizes.append(image.width * image.height)
    image.seek(sizes.index(max(sizes)))


def refuse_what_needs_too_much_memory(image: Image.Image, num_content_bytes: int, known: Sequence[ImageFormat]) -> None:
    """Raise UnreadableFileError for an opened picture that would take more than one file may."""
    of_decoder = sum(one.num_decoder_bytes for one in known if image.format in one.decoders)
    needed = memory_needed(image, num_content_bytes, of_decoder)
    if needed > MOST_BYTES:
        why = DecodingTooLarge(image.width, image.height, needed // 10**6, MOST_BYTES // 10**6)
        raise UnreadableFileError(RejectionReason.TOO_MANY_PIXELS, why)


def _too_many_pixels(why: Reason) -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.TOO_MANY_PIXELS, why)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    # Pillow turns TIFF files by itself, and already gives their turned size.
    if image.format == "TIFF":
        return image.size
    try:
        turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(PixelBomb(MEGAPIXELS)) from error
    except _DECODER_ERRORS:
        turned = False
    return (image.height, image.width) if turned else (image.width, image.height)


def says_white_is_zero(image: Image.Image) -> bool:
    """Return whether a 16-bit TIFF stores white as 0; Pillow turns that round for fewer bits only."""
    return isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC_TAG) == 0


def _grey(image: Image.Image, white_is_zero: bool, remarks: Remarks) -> tuple[np.ndarray, float]:
    """Return the grey values, uint8 or float32, and the colourfulness in [0, 1]."""
    if image.mode in SIXTEEN_BIT_MODES:
        return _sixteen_bit_fractions(np.asarray(image), white_is_zero, remarks), 0.0
    if image.mode in {"I", "F"}:
        return _wide_range(image, remarks), 0.0
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "L" and "transparency" not in image.info:
        return _grey_bytes(image), 0.0
    rgb = on_black(image)
    return np.asarray(rgb.convert("L")), colourfulness(rgb)


def _grey_bytes(image: Image.Image) -> np.ndarray:
    """Return the pixels of an 8-bit grey picture, not copied where they lie in one piece, as all but huge ones do."""
    try:
        return pyarrow.array(image).to_numpy().reshape(image.height, image.width)
    except ValueError:
        return np.asarray(image)


def _sixteen_bit_fractions(values_HW: np.ndarray, white_is_zero: bool, remarks: Remarks) -> np.ndarray:
    """Bring 16-bit grey values to [0, 1], also where only the lower bits are used."""
    white = white_of(values_HW, remarks)
    factor = reduction(*values_HW.shape)
    if factor > 1:
        values_HW = mean_of_blocks(values_HW, factor)
    if white_is_zero:
        values_HW = white - (values_HW if factor > 1 else values_HW.astype(np.int32))
    return np.divide(values_HW, np.float32(white), dtype=np.float32)


def _wide_range(image: Image.Image, remarks: Remarks) -> np.ndarray:
    """Bring 32-bit grey values to [0, 1] by what they hold."""
    values_HW = np.asarray(image)
    if not np.isfinite(values_HW).all():
        raise UnreadableFileError(RejectionReason.TRUNCATED, GreyNotFinite())
    white_of_kind = None if values_HW.dtype.kind == "f" else 2**31 - 1
    if image.format == "TIFF" and white_of_kind and is_of_32_unsigned_bits(image):
        # Pillow takes them for signed ones, the bright half of them for numbers below 0.
        values_HW, white_of_kind = values_HW.view(np.uint32), 2**32 - 1
    black, white = range_of(values_HW, white_of_kind, remarks)
    if (black, white) == (0.0, 1.0):
        return values_HW.astype(np.float32)
    fractions_HW = np.empty(values_HW.shape, np.float32)
    # Row by row: in double precision the whole image would take eight bytes a pixel more.
    for row_W, fractions_W in zip(values_HW, fractions_HW, strict=True):
        fractions_W[:] = (row_W.astype(np.float64) - black) / (white - black)
    return fractions_HW


def is_of_32_unsigned_bits(image: Image.Image) -> bool:
    """Return whether a TIFF holds whole numbers of 32 bits without a sign."""
    if not isinstance(image, TiffImageFile):
        return False
    bits, kind = image.tag_v2.get(_BITS_TAG, (1,)), image.tag_v2.get(_SAMPLE_FORMAT_TAG, (1,))
    return tuple(bits) == (32,) and tuple(kind) == (1,)


def on_black(image: Image.Image) -> Image.Image:
    """Lay transparent pixels on black, the colour around an image."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    return image.convert("RGB")


def _brief(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:80]
