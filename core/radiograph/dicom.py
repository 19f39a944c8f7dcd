"""Reads one DICOM file into one radiograph, white where the film is dense, inverted exactly once.

Every step from stored values to grey (modality LUT, VOI LUT or window, inversion, padding) treats each pixel by its
value alone. So the steps are done once on a table of all the values a file can store, and the pixels are looked up.
Shapes: H and W pixels, V values that the stored bits can have.
"""

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing, get_decoder, pixel_array
from pydicom.uid import AllTransferSyntaxes

from core.errors import RadiographError, UnreadableFileError
from core.radiograph.dicom_header import (
    PARSER_ERRORS,
    age_in_years,
    check_scope,
    may_show_text,
    read_header,
    states_unclear_age,
    text_of,
    whole_number,
)
from core.radiograph.film import Radiograph
from core.radiograph.rejection import RejectionReason

MAX_PIXELS = 30_000_000
"""Above the largest detectors; with 16 bits a film of more would need over 500 MB on its way."""
ROWS_AT_ONCE = 64
COLOUR_KINDS = ("RGB", "YBR", "PALETTE")
DEPTHS = {8, 16}
FAR = 1e12


def read_dicom(content: bytes, shortest_side: int | None = None) -> Radiograph:
    """Return the radiograph in a DICOM file.

    With `shortest_side` it may be averaged down by a half, a quarter or an eighth as long as both sides keep that many
    pixels. Raises UnreadableFileError, and UnusableFilmError for what is no single frontal chest radiograph.
    """
    dataset = read_header(content)
    check_scope(dataset)
    width, height, depth = _checked_size(dataset)
    try:
        grey_HW, colourfulness = _grey(dataset, depth)
    except RadiographError:
        raise
    except MemoryError as error:
        raise _refusal(RejectionReason.TOO_MANY_PIXELS, "the film needs more memory than this machine has") from error
    except PARSER_ERRORS as error:
        raise _refusal(
            RejectionReason.TRUNCATED,
            f"the pixels are cut short or damaged ({type(error).__name__}): send the film again from its source",
        ) from error
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
    )


def _checked_size(dataset: FileDataset) -> tuple[int, int, int]:
    """Return width, height and the bits stored; refuse what cannot be decoded before anything is."""
    if "PixelData" not in dataset:
        if not any(name in dataset for name in ("Rows", "Modality", "SOPClassUID", "FloatPixelData")):
            raise _refusal(RejectionReason.NOT_A_PICTURE, "this is no picture and no DICOM file with an image")
        raise _refusal(RejectionReason.NO_PIXELS, "the DICOM file holds no pixels: send the image, not a report")
    width, height = whole_number(dataset, "Columns") or 0, whole_number(dataset, "Rows") or 0
    allocated = whole_number(dataset, "BitsAllocated")
    depth = whole_number(dataset, "BitsStored") or allocated
    if width <= 0 or height <= 0 or allocated not in DEPTHS or not 1 <= (depth or 0) <= allocated:
        raise _refusal(
            RejectionReason.UNSUPPORTED_PIXELS,
            f"{width} by {height} pixels of {depth} in {allocated} bits: 8- and 16-bit films are read",
        )
    if width * height > MAX_PIXELS:
        raise _refusal(
            RejectionReason.TOO_MANY_PIXELS,
            f"the film says it has {width} by {height} pixels, more than the {MAX_PIXELS // 10**6} million that are "
            "read; it was not opened",
        )
    _require_decoder(dataset)
    return width, height, depth


def _require_decoder(dataset: FileDataset) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        is_there = get_decoder(syntax).is_available
    except NotImplementedError:
        is_there = False
    if not is_there:
        name = syntax.name if syntax in AllTransferSyntaxes else "an unknown way"
        raise _refusal(
            RejectionReason.MISSING_CODEC,
            f"the pixels are stored as {name}, which is not decoded here: send the film uncompressed or as JPEG 2000",
        )


def _grey(dataset: FileDataset, depth: int) -> tuple[np.ndarray, float]:
    """Return the grey values, uint8 or float32, and the colourfulness in [0, 1]."""
    dataset.setdefault("SamplesPerPixel", 1)
    kind = text_of(dataset, "PhotometricInterpretation")
    if kind.startswith(COLOUR_KINDS):
        return _grey_of_colour(dataset, kind)
    high_bit = whole_number(dataset, "HighBit")
    is_compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    if not is_compressed:
        # The library would cut off the upper bits, also where the film lies in them; here that is done below.
        dataset.BitsStored, dataset.HighBit = dataset.BitsAllocated, dataset.BitsAllocated - 1
    stored_HW = _pixels(dataset)
    if stored_HW.ndim != 2 or stored_HW.dtype.kind not in "iu":
        raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, f"{stored_HW.ndim} dimensions are none of a grey film")
    shift = max(high_bit + 1 - depth, 0) if high_bit is not None and high_bit < stored_HW.itemsize * 8 else 0
    patterns_HW = stored_HW.view(f"u{stored_HW.itemsize}")
    if shift and not is_compressed:
        patterns_HW = patterns_HW >> shift
    if depth < stored_HW.itemsize * 8 and patterns_HW.max() >= 2**depth:
        # Bits above those stored may hold anything, overlays above all.
        patterns_HW = patterns_HW & patterns_HW.dtype.type(2**depth - 1)
    table_V = grey_table(dataset, depth, patterns_HW)
    if table_V.dtype == np.uint8 and np.array_equal(table_V, np.arange(len(table_V))):
        # Eight bits may be stored in sixteen; the reader's grey values are bytes all the same.
        return np.ascontiguousarray(patterns_HW, dtype=np.uint8), 0.0
    return _looked_up(table_V, patterns_HW), 0.0


def _looked_up(table_V: np.ndarray, patterns_HW: np.ndarray) -> np.ndarray:
    """Return the grey of every pixel, a few rows at a time: the look-up turns each place into eight bytes."""
    grey_HW = np.empty(patterns_HW.shape, table_V.dtype)
    for first in range(0, len(patterns_HW), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        # No pattern is beyond the table; told to clip, the look-up need not check for that.
        np.take(table_V, patterns_HW[rows], out=grey_HW[rows], mode="clip")
    return grey_HW


def grey_table(dataset: FileDataset, depth: int, patterns_HW: np.ndarray) -> np.ndarray:
    """Return the grey of every bit pattern of `depth` bits: uint8 up to 8 bits, else float32 in [0, 1].

    Order of the steps: DICOM PS3.3 C.11.1 (modality), C.11.2 (values of interest), C.11.6 (presentation).
    """
    values_V = np.arange(2**depth)
    if whole_number(dataset, "PixelRepresentation") == 1:
        values_V = np.where(values_V >= 2 ** (depth - 1), values_V - 2**depth, values_V)
    is_padding_V = _is_padding(dataset, values_V)
    measured_V = np.asarray(apply_modality_lut(values_V[None], dataset), dtype=np.float64)[0]
    shown_V = _windowed(dataset, measured_V)
    if shown_V is None:
        shown_V = _by_range(measured_V, is_padding_V, patterns_HW, depth)
    shown_V = np.clip(shown_V, 0, 1)
    if not np.isfinite(shown_V).all():
        raise ValueError("grey values that are not finite")
    if _is_inverted(dataset):
        shown_V = 1 - shown_V
    shown_V = np.where(is_padding_V, 0, shown_V)
    return np.round(shown_V * 255).astype(np.uint8) if depth <= 8 else shown_V.astype(np.float32)


def _is_inverted(dataset: FileDataset) -> bool:
    """Return whether high values are dark: what the presentation LUT says counts, else the photometric kind."""
    shape = text_of(dataset, "PresentationLUTShape")
    if shape in {"INVERSE", "IDENTITY"}:
        return shape == "INVERSE"
    return text_of(dataset, "PhotometricInterpretation") == "MONOCHROME1"


def _windowed(dataset: FileDataset, measured_V: np.ndarray) -> np.ndarray | None:
    """Return values in [0, 1] by the file's first VOI LUT or window, None if it has none that makes sense."""
    try:
        luts = dataset.get("VOILUTSequence")
        if luts:
            bits = int(luts[0].LUTDescriptor[2])
            return apply_voi_lut(np.round(measured_V[None]).astype(np.int64), dataset)[0] / (2**bits - 1)
        if dataset.get("WindowWidth") in (None, "") or dataset.get("WindowCenter") in (None, ""):
            return None
        # The last two values are far below and above: what the window makes of them is its black and its white.
        shown = apply_windowing(np.append(measured_V, [-FAR, FAR])[None], dataset)[0]
        black, white = shown[-2:]
        return (shown[:-2] - black) / (white - black) if white > black else None
    except PARSER_ERRORS:
        return None


def _by_range(measured_V: np.ndarray, is_padding_V: np.ndarray, patterns_HW: np.ndarray, depth: int) -> np.ndarray:
    """Return values in [0, 1] by the range the bits allow, or by the film's own where it fills less than half of it."""
    low, high = float(measured_V.min()), float(measured_V.max())
    if depth > 8:
        used_V = np.bincount(patterns_HW[::2, ::2].ravel(), minlength=len(measured_V)) > 0
        used_V &= ~is_padding_V
        own = measured_V[used_V]
        if own.size and own.max() - own.min() < (high - low) / 2:
            low, high = float(own.min()), float(own.max())
    return (measured_V - low) / max(high - low, 1e-12)


def _is_padding(dataset: FileDataset, values_V: np.ndarray) -> np.ndarray:
    """Return which stored values lie outside the film, where the detector or a shutter saw nothing."""
    first = whole_number(dataset, "PixelPaddingValue")
    if first is None:
        return np.zeros(len(values_V), dtype=bool)
    last = whole_number(dataset, "PixelPaddingRangeLimit")
    last = first if last is None else last
    return (values_V >= min(first, last)) & (values_V <= max(first, last))


def _grey_of_colour(dataset: FileDataset, kind: str) -> tuple[np.ndarray, float]:
    from core.radiograph.colour import colourfulness

    values = _pixels(dataset)
    if kind.startswith("PALETTE"):
        from pydicom.pixels import apply_color_lut

        values = apply_color_lut(values, dataset)
    if values.ndim != 3 or values.shape[2] not in {3, 4}:
        raise _refusal(RejectionReason.UNSUPPORTED_PIXELS, "a colour picture without three colours")
    if values.dtype != np.uint8:
        values = (values >> 8).astype(np.uint8) if values.max() > 255 else values.astype(np.uint8)
    rgb = Image.fromarray(np.ascontiguousarray(values[..., :3]))
    return np.asarray(rgb.convert("L")), colourfulness(rgb)


def _pixels(dataset: FileDataset) -> np.ndarray:
    expected = (whole_number(dataset, "Rows"), whole_number(dataset, "Columns"))
    values = pixel_array(dataset, index=0, view_only=True)
    if values.shape[:2] != expected:
        raise _refusal(
            RejectionReason.TRUNCATED,
            f"the file says {expected[1]} by {expected[0]} pixels, but the picture in it has others: send it again",
        )
    return values


def _reduced(grey_HW: np.ndarray, shortest_side: int | None) -> np.ndarray:
    """Average blocks of pixels, as reduced decoding of a JPEG does."""
    factor = min(grey_HW.shape) // shortest_side if shortest_side else 1
    factor = max((power for power in (1, 2, 4, 8) if power <= factor), default=1)
    return grey_HW if factor == 1 else np.asarray(Image.fromarray(grey_HW).reduce(factor))


def _refusal(reason: RejectionReason, sentence: str) -> UnreadableFileError:
    return UnreadableFileError(reason, sentence)
