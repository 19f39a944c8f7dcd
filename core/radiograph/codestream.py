"""What the compressed picture in a DICOM file says of itself, which counts where the file's header contradicts it.

The depth has one sensible meaning: the numbers are what the compressed picture holds. Only where it could hold more
bits than the header states, and none of its numbers needs them, the header's fewer bits are meant.
"""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from core.errors import UnreadableFileError
from core.file_reasons import ChannelsContradicted, SizeContradicted
from core.radiograph.dicom_header import PARSER_ERRORS, state, whole_number
from core.radiograph.rejection import RejectionReason

_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_JPEG_2000_START = b"\xff\x4f\xff\x51"
DEEPEST = 16


@dataclass(frozen=True)
class Codestream:
    """Sides in pixels, bits of each number, and channels."""

    width: int
    height: int
    depth: int
    channels: int


def codestream_of(dataset: Dataset) -> Codestream | None:
    """Return what the first compressed picture of a file says; None for other ways of storing, or if it is damaged."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if "PixelData" not in dataset:
        return None
    try:
        if syntax in JPEG2000TransferSyntaxes:
            return _of_jpeg_2000(get_frame(dataset.PixelData, 0, number_of_frames=1))
        if syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
            return _of_jpeg(get_frame(dataset.PixelData, 0, number_of_frames=1))
    except PARSER_ERRORS:
        pass
    return None


def follow_codestream(dataset: Dataset, codestream: Codestream | None) -> int | None:
    """Let a file's header state the depth of its compressed picture; returns the fewer bits it had stated, if so."""
    if codestream is None or not 1 <= codestream.depth <= DEEPEST:
        return None
    stated = whole_number(dataset, "BitsStored") or whole_number(dataset, "BitsAllocated") or codestream.depth
    state(dataset, "BitsAllocated", 8 if codestream.depth <= 8 else 16)
    _state_depth(dataset, codestream.depth)
    return stated if 1 <= stated < codestream.depth else None


def prefer_fewer_bits(dataset: Dataset, stated: int | None, values: np.ndarray) -> int:
    """Return how many bits are stored, and state it: those stated before if all values keep within them."""
    if stated is not None:
        is_signed = whole_number(dataset, "PixelRepresentation") == 1
        low, high = (-(2 ** (stated - 1)), 2 ** (stated - 1)) if is_signed else (0, 2**stated)
        if low <= int(values.min()) and int(values.max()) < high:
            _state_depth(dataset, stated)
    return int(dataset.BitsStored)


def refuse_contradiction(dataset: Dataset, codestream: Codestream | None) -> None:
    """Raise UnreadableFileError if header and compressed picture differ in size or channels, where neither is right."""
    if codestream is None:
        return
    stated = (whole_number(dataset, "Columns") or 0, whole_number(dataset, "Rows") or 0)
    held = (codestream.width, codestream.height)
    channels = whole_number(dataset, "SamplesPerPixel") or 1
    if stated != held:
        raise UnreadableFileError(RejectionReason.UNSUPPORTED_PIXELS, SizeContradicted(*stated, *held))
    if channels != codestream.channels:
        why = ChannelsContradicted(channels, codestream.channels)
        raise UnreadableFileError(RejectionReason.UNSUPPORTED_PIXELS, why)


def _state_depth(dataset: Dataset, depth: int) -> None:
    state(dataset, "BitsStored", depth)
    state(dataset, "HighBit", depth - 1)


def _of_jpeg_2000(frame: bytes) -> Codestream | None:
    start = frame.find(_JPEG_2000_START)
    if start < 0 or len(frame) < start + 43:
        return None
    right, bottom, left, top = (
        int.from_bytes(frame[place : place + 4], "big") for place in range(start + 8, start + 24, 4)
    )
    channels = int.from_bytes(frame[start + 40 : start + 42], "big")
    return Codestream(right - left, bottom - top, (frame[start + 42] & 0x7F) + 1, channels)


def _of_jpeg(frame: bytes) -> Codestream | None:
    place = 2
    while place + 10 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _FRAMES:
            height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (place + 5, place + 7))
            return Codestream(width, height, frame[place + 4], frame[place + 9])
        else:
            place += 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    return None
