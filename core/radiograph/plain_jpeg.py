"""Writes a JPEG anew from what decoding it needs; one that may hide more than that is left to be drawn anew.

Its coefficients stay as they are coded: drawn anew, images would tell by their format how the camera stored them.
Shapes: H and W pixels, M smallest coded units in the order in which they are coded.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image

_START, _END = b"\xff\xd8", 0xD9
_BASELINE, _PROGRESSIVE, _WHOLE_SCAN = {0xC0, 0xC1}, 0xC2, b"\0\x3f\0"
_TABLES, _QUANTISATION, _SCAN, _RESTARTS = 0xC4, 0xDB, 0xDA, 0xDD
_COMMENT, _EXIF, _JFIF, _ADOBE = 0xFE, 0xE1, 0xE0, 0xEE
_PLAIN_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_PLAIN_ADOBE = b"Adobe\0\x64\0\0\0\0"
_TAIL = 3
"""Bytes at the end of coded pixels; if these stay the same without them, something stands behind the last pixel."""
_MOST_SCANS = 16
_ORIENTATION_TAG = 0x0112
_DECODER_ERRORS = (
    *(OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error),
    *(Image.DecompressionBombError, MemoryError),
)


class _NotUsualError(ValueError):
    """The file is no JPEG that can be taken apart to its last byte."""


@dataclass
class _Scan:
    """One pass over the image: its Huffman tables by number, its header, and its pieces between restart markers."""

    tables: dict[int, bytes]
    header: bytes
    restart_interval: int
    pieces: list[bytes]

    def numbers(self) -> set[int]:
        """Return the numbers of the tables that its header names."""
        return {number for both in self.header[2:-3:2] for number in (both >> 4, 16 | both & 15)}


@dataclass
class _Parts:
    """All that decoding needs; quantisation tables by number."""

    turn: bytes = b""
    colours: list[bytes] = field(default_factory=list)
    quantisation: dict[int, bytes] = field(default_factory=dict)
    frame_marker: int = 0
    frame: bytes = b""
    scans: list[_Scan] = field(default_factory=list)

    def written(self, cut: _Scan | None = None) -> bytes:
        """Return the file, without tables that nothing names; of the scan `cut` each piece lacks its tail."""
        wanted = {self.frame[place + 2] for place in range(6, len(self.frame), 3)}
        content = [_START, self.turn, *self.colours]
        content += [_segment(_QUANTISATION, self.quantisation[number]) for number in sorted(wanted)]
        content.append(_segment(self.frame_marker, self.frame))
        for place, scan in enumerate(self.scans):
            named = set().union(*(later.numbers() for later in self.scans[place:]))
            content += [_segment(_TABLES, table) for number, table in sorted(scan.tables.items()) if number in named]
            if scan.restart_interval:
                content.append(_segment(_RESTARTS, scan.restart_interval.to_bytes(2, "big")))
            content.append(_segment(_SCAN, scan.header))
            for number, piece in enumerate(scan.pieces):
                content.append(b"\xff%c" % (0xD0 + (number - 1) % 8) if number else b"")
                content.append(piece[:-_TAIL] if scan is cut else piece)
        return b"".join(content) + b"\xff%c" % _END


def plain_jpeg(content: bytes) -> bytes | None:
    """Return the same JPEG without anything that is not the picture, None for one that has to be drawn anew."""
    try:
        parts = _parts_of(content)
        parts.turn = _turn(content)
        pixels = _pixels(content)
        if not np.array_equal(_pixels(parts.written()), pixels):
            return None
        for scan in parts.scans:
            if len(scan.pieces) == 1:
                scan.pieces = [_needed(parts, scan, pixels)]
            elif not _are_all_needed(parts, scan):
                return None
        return parts.written()
    except (_NotUsualError, *_DECODER_ERRORS):
        return None


def _needed(parts: _Parts, scan: _Scan, pixels: np.ndarray) -> bytes:
    """Return the coded bytes of a scan in one piece up to the last that any pixel needs."""
    (piece,) = scan.pieces

    def is_enough(num_bytes: int) -> bool:
        scan.pieces = [piece[:num_bytes]]
        return np.array_equal(_pixels(parts.written()), pixels)

    high, step = len(piece), _TAIL
    while high > step and is_enough(high - step):
        high, step = high - step, 2 * step
    if high == len(piece):
        return piece
    low = max(high - step, 0)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return piece[:high]


def _are_all_needed(parts: _Parts, scan: _Scan) -> bool:
    """Return whether each piece between restart markers is needed to its end."""
    # Brightness alone: colours of fewer pixels bleed into the next piece.
    changed_HW = _pixels(parts.written(cut=scan), "L") != _pixels(parts.written(), "L")
    needed_M = _units(changed_HW, parts.frame)
    needed = np.logical_or.reduceat(needed_M, np.arange(0, len(needed_M), scan.restart_interval))
    return len(needed) == len(scan.pieces) and bool(needed.all())


def _units(changed_HW: np.ndarray, frame: bytes) -> np.ndarray:
    """Return for each smallest coded unit of an image of one scan whether a pixel of it is set."""
    factors = frame[7::3]
    across, down = (1, 1) if len(factors) == 1 else (max(f >> 4 for f in factors), max(f & 15 for f in factors))
    height, width = changed_HW.shape
    rows, columns = -(-height // (8 * down)), -(-width // (8 * across))
    padded_HW = np.zeros((rows * 8 * down, columns * 8 * across), bool)
    padded_HW[:height, :width] = changed_HW
    return padded_HW.reshape(rows, 8 * down, columns, 8 * across).any(axis=(1, 3)).ravel()


def _parts_of(content: bytes) -> _Parts:
    """Take a file apart; raises _NotUsualError where anything is not as the common encoders write it."""
    parts, tables, restart_interval, place = _Parts(), {}, 0, len(_START)
    while True:
        marker, place = _marker(content, place)
        if marker == _END and parts.scans:
            return parts
        length = int.from_bytes(content[place : place + 2], "big")
        body = content[place + 2 : place + length]
        if length < 2 or len(body) != length - 2:
            raise _NotUsualError
        place += length
        if marker == _SCAN:
            _check_scan(parts, body)
            pieces, place = _pieces(content, place)
            if len(pieces) > 1 and (not restart_interval or parts.frame_marker == _PROGRESSIVE):
                raise _NotUsualError
            parts.scans.append(_Scan(tables, body, restart_interval, pieces))
            tables = {}
        elif marker == _TABLES:
            tables |= dict(_each_table(body, lambda head: sum(head[1:17]), 17, 31))
        elif marker == _RESTARTS and len(body) == 2:
            restart_interval = int.from_bytes(body, "big")
        else:
            _take(parts, marker, body)


def _check_scan(parts: _Parts, header: bytes) -> None:
    num_components, is_whole = header[0], header[-3:] == _WHOLE_SCAN
    if len(header) != 4 + 2 * num_components or not parts.frame or len(parts.scans) == _MOST_SCANS:
        raise _NotUsualError
    if parts.frame_marker in _BASELINE and (parts.scans or num_components != parts.frame[5] or not is_whole):
        raise _NotUsualError


def _pieces(content: bytes, place: int) -> tuple[list[bytes], int]:
    """Return the coded bytes between restart markers, and where the marker behind the last of them stands."""
    pieces, start = [], place
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 1 >= len(content):
            raise _NotUsualError
        following = content[place + 1]
        if following and not 0xD0 <= following <= 0xD7:
            return [*pieces, content[start:place]], place
        if following:
            if following != 0xD0 + len(pieces) % 8:
                raise _NotUsualError
            pieces.append(content[start:place])
            start = place + 2
        place += 2


def _marker(content: bytes, place: int) -> tuple[int, int]:
    """Return the marker at a place and where its segment begins; any number of fill bytes may stand before it."""
    first = place
    while content[place : place + 1] == b"\xff":
        place += 1
    if place == first or place >= len(content):
        raise _NotUsualError
    return content[place], place + 1


def _take(parts: _Parts, marker: int, body: bytes) -> None:
    """Keep a segment if decoding needs it; raises _NotUsualError for one whose meaning is not known."""
    is_frame = marker in _BASELINE or marker == _PROGRESSIVE
    if marker == _JFIF and body.startswith(b"JFIF\0") and len(body) >= len(_PLAIN_JFIF):
        parts.colours.append(_segment(_JFIF, _PLAIN_JFIF))
    elif marker == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
        if body[11] > 2:
            raise _NotUsualError
        parts.colours.append(_segment(_ADOBE, _PLAIN_ADOBE + body[11:12]))
    elif marker == _QUANTISATION and not parts.scans:
        parts.quantisation |= dict(_each_table(body, lambda head: 64 * (1 + (head[0] >> 4)), 1, 15))
    elif is_frame and not parts.frame and body[:1] == b"\x08" and len(body) == 6 + 3 * body[5]:
        parts.frame_marker, parts.frame = marker, body
    elif not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
        raise _NotUsualError


def _each_table(
    body: bytes, length_of: Callable[[bytes], int], head_length: int, mask: int
) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of every table in a segment; raises _NotUsualError if bytes are missing."""
    place = 0
    while place < len(body):
        head = body[place : place + head_length]
        end = place + head_length + length_of(head)
        if len(head) < head_length or end > len(body):
            raise _NotUsualError
        yield head[0] & mask, body[place:end]
        place = end


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff%c%s%s" % (marker, (len(body) + 2).to_bytes(2, "big"), body)


def _turn(content: bytes) -> bytes:
    """Return an Exif segment that says only how the picture is turned, nothing for one that lies right."""
    orientation = Image.open(BytesIO(content), formats=["JPEG"]).getexif().get(_ORIENTATION_TAG, 1)
    if orientation not in range(2, 9):
        return b""
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    return _segment(_EXIF, exif.tobytes())


def _pixels(content: bytes, mode: str | None = None) -> np.ndarray:
    with Image.open(BytesIO(content), formats=["JPEG"]) as image:
        if mode:
            image.draft(mode, image.size)
        return np.asarray(image)
