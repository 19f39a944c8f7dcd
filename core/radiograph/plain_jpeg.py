"""Rewrites a JPEG from what decoding it needs; one that may hide more than that is left to be redrawn.

Its coefficients stay as they are coded: redrawn, images would show by their format how the camera stored them. Since
all that decoding needs is reused as it is, the pixels need not be decoded to know that they stay the same.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO

from PIL import Image

from core.radiograph.jpeg_ends import count_units, decodes_without_remark, num_needed, row_of_units, runs_out

_START, _END = b"\xff\xd8", 0xD9
_BASELINE, _PROGRESSIVE, _WHOLE_SCAN = {0xC0, 0xC1}, 0xC2, b"\0\x3f\0"
_TABLES, _QUANTISATION, _SCAN, _RESTARTS = 0xC4, 0xDB, 0xDA, 0xDD
_COMMENT, _EXIF, _JFIF, _ADOBE = 0xFE, 0xE1, 0xE0, 0xEE
_PLAIN_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_PLAIN_ADOBE = b"Adobe\0\x64\0\0\0\0"
_MOST_SCANS = 16
_NO_CODED_BYTE = re.compile(rb"\xff[^\0]")
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

    @property
    def num_channels(self) -> int:
        """How many channels the image has."""
        return self.frame[5]

    def written(self) -> bytes:
        """Return the file, without tables that nothing names."""
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
                content.append(piece)
        return b"".join(content) + b"\xff%c" % _END


def plain_jpeg(content: bytes) -> bytes | None:
    """Return the same JPEG without anything that is not the picture, None for one that has to be redrawn."""
    try:
        parts = _parts_of(content)
        parts.turn = _turn(content)
        if len(parts.scans) == 1:
            (scan,) = parts.scans
            scan.pieces = _needed_pieces(parts)
        elif not _are_all_needed(parts):
            return None
        return parts.written()
    except (_NotUsualError, *_DECODER_ERRORS):
        return None


def _needed_pieces(parts: _Parts) -> list[bytes]:
    """Return the coded bytes of each piece of the only scan up to the last that any pixel needs.

    Between restart markers decoding starts again, so that each piece by itself is an image of one row.
    """
    (scan,) = parts.scans
    if len(scan.pieces) == 1:
        return [_needed(scan.pieces[0], _head(parts, parts.frame), parts.num_channels)]
    num_last = count_units(parts.frame) - scan.restart_interval * (len(scan.pieces) - 1)
    if not 0 < num_last <= scan.restart_interval:
        raise _NotUsualError
    head, head_of_last = (_head(parts, row_of_units(parts.frame, num)) for num in (scan.restart_interval, num_last))
    needed = [_needed(piece, head, parts.num_channels) for piece in scan.pieces[:-1]]
    return [*needed, _needed(scan.pieces[-1], head_of_last, parts.num_channels)]


def _head(parts: _Parts, frame: bytes) -> bytes:
    """Return all that stands before the coded bytes of the only scan, in an image of this frame without restarts."""
    (scan,) = parts.scans
    alone = replace(scan, restart_interval=0, pieces=[b""])
    return replace(parts, frame=frame, scans=[alone]).written().removesuffix(b"\xff%c" % _END)


def _needed(piece: bytes, head: bytes, num_channels: int) -> bytes:
    def runs_out_with(num_bytes: int) -> bool:
        return runs_out(b"%s%s\xff%c" % (head, piece[:num_bytes], _END), num_channels)

    return piece[: num_needed(len(piece), runs_out_with)]


def _are_all_needed(parts: _Parts) -> bool:
    """Return whether each of several scans, all whole, is needed to its last byte."""
    if not decodes_without_remark(parts.written(), parts.num_channels):
        return False
    for place, scan in enumerate(parts.scans):
        cut = replace(scan, pieces=[*scan.pieces[:-1], scan.pieces[-1][:-1]])
        scans = [*parts.scans[:place], cut, *parts.scans[place + 1 :]]
        if not runs_out(replace(parts, scans=scans).written(), parts.num_channels):
            return False
    return True


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
            if (len(pieces) > 1 and not restart_interval) or (restart_interval and parts.frame_marker == _PROGRESSIVE):
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
    while (found := _NO_CODED_BYTE.search(content, place)) is not None:
        place, following = found.start(), content[found.start() + 1]
        if not 0xD0 <= following <= 0xD7:
            return [*pieces, content[start:place]], place
        if following != 0xD0 + len(pieces) % 8:
            raise _NotUsualError
        pieces.append(content[start:place])
        start = place = place + 2
    raise _NotUsualError


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
