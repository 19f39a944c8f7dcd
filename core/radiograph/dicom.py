"""Reads one DICOM file into one radiograph, white where the image is dense, inverted exactly once.

The greys come from a table of all the values a file can store, and the pixels are looked up in it.
Shapes: H and W pixels, V values that the stored bits can have.
"""

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import AllTransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from core.errors import RadiographError, UnreadableFileError
from core.file_reasons import (
    ChannelsUnstated,
    DepthNotRead,
    HeaderUnclear,
    MorePixelsThanRead,
    NoDicomImage,
    NoPixels,
    NotDecodedHere,
    NotEnoughMemory,
    NotThreeColours,
    NotTwoDimensions,
    PixelsDamaged,
    PolarityUnstated,
    ScanCutShort,
)
from core.radiograph.codestream import codestream_of, follow_codestream, prefer_fewer_bits, refuse_contradiction
from core.radiograph.dicom_grey import grey_table
from core.radiograph.dicom_header import (
    PARSER_ERRORS,
    age_in_years,
    may_show_text,
    read_header,
    state,
    states_unclear_age,
    text_of,
    whole_number,
)
from core.radiograph.dicom_scope import check_scope
from core.radiograph.film import Radiograph
from core.radiograph.rejection import RejectionReason
from core.radiograph.remarks import Remarks
from core.reasons import Reason

MAX_PIXELS = 30_000_000
"""Above the largest detectors; with 16 bits an image of more would need over 500 MB on its way."""
ROWS_AT_ONCE = 64
COLOUR_KINDS = ("RGB", "YBR", "PALETTE")
KINDS = {
    *("MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR"),
    *("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_RCT", "YBR_ICT"),
}
"""Of photometric interpretations; any other word is damaged, or may be a name, and says nothing."""
DEPTHS = {8, 16}
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
"""Two bytes each that never occur within the data of a JPEG's scan."""


def read_dicom(content: bytes, shortest_side: int | None = None, *, whatever_it_shows: bool = False) -> Radiograph:
    """Return the radiograph in a DICOM file.

    With `shortest_side` it may be averaged down by a half, a quarter or an eighth as long as both sides keep that many
    pixels. Raises UnreadableFileError, and UnusableFilmError for what is no single frontal chest radiograph;
    `whatever_it_shows` it is read all the same, of several frames the first.
    """
    dataset = read_header(content)
    if not whatever_it_shows:
        check_scope(dataset)
    codestream = codestream_of(dataset)
    fewer_bits = follow_codestream(dataset, codestream)
    width, height, depth = _checked_size(dataset)
    refuse_contradiction(dataset, codestream)
    remarks = Remarks()
    try:
        grey_HW, colourfulness, depth = _grey(dataset, depth, fewer_bits, remarks)
    except RadiographError:
        raise
    except MemoryError as error:
        raise _refusal(RejectionReason.TOO_MANY_PIXELS, NotEnoughMemory()) from error
    except PARSER_ERRORS as error:
        if isinstance(error, AttributeError | NotImplementedError):
            raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, HeaderUnclear()) from error
        raise _refusal(RejectionReason.TRUNCATED, PixelsDamaged(type(error).__name__)) from error
    return Radiograph(
        _reduced(grey_HW, shortest_side),
        width,
        height,
        text_of(dataset, "PhotometricInterpretation"),
        depth,
        "DICOM",
        colourfulness,
        age_in_years(dataset),
        may_show_text(dataset),
        states_unclear_age(dataset),
        tuple(remarks.notes),
        tuple(remarks.doubts),
    )


def _checked_size(dataset: FileDataset) -> tuple[int, int, int]:
    """Return width, height and the bits stored; refuse what cannot be decoded before anything is."""
    if "PixelData" not in dataset:
        if not any(name in dataset for name in ("Rows", "Modality", "SOPClassUID", "FloatPixelData")):
            raise _refusal(RejectionReason.NOT_A_PICTURE, NoDicomImage())
        raise _refusal(RejectionReason.NO_PIXELS, NoPixels())
    width, height = whole_number(dataset, "Columns") or 0, whole_number(dataset, "Rows") or 0
    allocated = whole_number(dataset, "BitsAllocated")
    depth = whole_number(dataset, "BitsStored") or allocated
    if width <= 0 or height <= 0 or depth is None or allocated not in DEPTHS or not 1 <= depth <= allocated:
        raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, DepthNotRead(width, height, depth, allocated))
    if width * height > MAX_PIXELS:
        raise _refusal(RejectionReason.TOO_MANY_PIXELS, MorePixelsThanRead(width, height, MAX_PIXELS // 10**6))
    _require_decoder(dataset)
    return width, height, depth


def _require_decoder(dataset: FileDataset) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        is_there = get_decoder(syntax).is_available
    except NotImplementedError:
        is_there = False
    if not is_there:
        name = syntax.name if syntax in AllTransferSyntaxes else None
        raise _refusal(RejectionReason.MISSING_CODEC, NotDecodedHere(name))


def _grey(dataset: FileDataset, depth: int, fewer_bits: int | None, remarks: Remarks) -> tuple[np.ndarray, float, int]:
    """Return the grey values, uint8 or float32, the colourfulness in [0, 1], and the bits that are stored."""
    dataset.setdefault("SamplesPerPixel", 1)
    kind = text_of(dataset, "PhotometricInterpretation")
    kind = kind if kind in KINDS else ""
    if not kind and whole_number(dataset, "SamplesPerPixel") == 1:
        kind = "MONOCHROME2"
        remarks.notes.append(PolarityUnstated())
    if not kind:
        raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, ChannelsUnstated())
    # The library knows these only in capitals and only where they are stated.
    state(dataset, "PhotometricInterpretation", kind)
    if whole_number(dataset, "PixelRepresentation") is None:
        state(dataset, "PixelRepresentation", 0)
    dataset.setdefault("PlanarConfiguration", 0)
    if kind.startswith(COLOUR_KINDS):
        return *_grey_of_colour(dataset, kind), depth
    high_bit = whole_number(dataset, "HighBit")
    is_compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    if not is_compressed:
        # The library would cut off the upper bits, also where the image lies in them; here that is done below.
        state(dataset, "BitsStored", dataset.BitsAllocated)
        state(dataset, "HighBit", dataset.BitsAllocated - 1)
    stored_HW = _pixels(dataset)
    if stored_HW.ndim != 2 or stored_HW.dtype.kind not in "iu":
        raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, NotTwoDimensions(stored_HW.ndim))
    if is_compressed:
        depth = prefer_fewer_bits(dataset, fewer_bits, stored_HW) if fewer_bits else depth
    shift = max(high_bit + 1 - depth, 0) if high_bit is not None and high_bit < stored_HW.itemsize * 8 else 0
    patterns_HW = stored_HW.view(f"u{stored_HW.itemsize}")
    if shift and not is_compressed:
        patterns_HW = patterns_HW >> shift
    if depth < stored_HW.itemsize * 8 and patterns_HW.max() >= 2**depth:
        # Bits above those stored may hold anything, overlays above all.
        patterns_HW = patterns_HW & patterns_HW.dtype.type(2**depth - 1)
    table_V = grey_table(dataset, depth, patterns_HW, remarks)
    if table_V.dtype == np.uint8 and np.array_equal(table_V, np.arange(len(table_V))):
        # Eight bits may be stored in sixteen; the reader's grey values are bytes all the same.
        return np.ascontiguousarray(patterns_HW, dtype=np.uint8), 0.0, depth
    return _looked_up(table_V, patterns_HW), 0.0, depth


def _looked_up(table_V: np.ndarray, patterns_HW: np.ndarray) -> np.ndarray:
    """Return the grey of every pixel, a few rows at a time: the look-up turns each place into eight bytes."""
    grey_HW = np.empty(patterns_HW.shape, table_V.dtype)
    for first in range(0, len(patterns_HW), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        # No pattern is beyond the table; told to clip, the look-up need not check for that.
        np.take(table_V, patterns_HW[rows], out=grey_HW[rows], mode="clip")
    return grey_HW


def _grey_of_colour(dataset: FileDataset, kind: str) -> tuple[np.ndarray, float]:
    from core.radiograph.colour import colourfulness

    values = _pixels(dataset)
    if kind.startswith("PALETTE"):
        from pydicom.pixels.processing import apply_color_lut

        values = apply_color_lut(values, dataset)
    if values.ndim != 3 or values.shape[2] not in {3, 4}:
        raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, NotThreeColours())
    if values.dtype != np.uint8:
        values = (values >> 8).astype(np.uint8) if values.max() > 255 else values.astype(np.uint8)
    rgb = Image.fromarray(np.ascontiguousarray(values[..., :3]))
    return np.asarray(rgb.convert("L")), colourfulness(rgb)


def _pixels(dataset: FileDataset) -> np.ndarray:
    expected = (whole_number(dataset, "Rows"), whole_number(dataset, "Columns"))
    if dataset.file_meta.TransferSyntaxUID in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
        _refuse_cut_short(get_frame(dataset.PixelData, 0, number_of_frames=1))
    values = pixel_array(dataset, index=0, view_only=True)
    if values.shape[:2] != expected:
        raise ValueError("another size than the header says")
    return values


def _refuse_cut_short(frame: bytes) -> None:
    """Refuse a JPEG whose last scan never ends: where one decoder stops at it, the next fills the rest with grey."""
    if frame.rfind(END_OF_IMAGE) < frame.rfind(START_OF_SCAN):
        raise _refusal(RejectionReason.TRUNCATED, ScanCutShort())


def _reduced(grey_HW: np.ndarray, shortest_side: int | None) -> np.ndarray:
    """Average blocks of pixels, as reduced decoding of a JPEG does."""
    factor = min(grey_HW.shape) // shortest_side if shortest_side else 1
    factor = max((power for power in (1, 2, 4, 8) if power <= factor), default=1)
    return grey_HW if factor == 1 else np.asarray(Image.fromarray(grey_HW).reduce(factor))


def _refusal(reason: RejectionReason, why: Reason) -> UnreadableFileError:
    return UnreadableFileError(reason, why)
