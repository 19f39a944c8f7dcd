"""Finds how many of a JPEG's coded bytes its pixels need: whatever hides behind the last pixel is at the end.

The decoder itself shows it: with one byte less than it needs it runs out of data. At an eighth of the size it does
hardly more than count.
"""

from collections.abc import Callable

import simplejpeg

_RAN_OUT, _LEFT_OVER = "premature end of data segment", "extraneous bytes before marker"
LONGEST_SIDE = 65_500
"""Of a JPEG that decoders take, in pixels."""


def decodes_without_remark(content: bytes, num_channels: int) -> bool:
    """Return whether the decoder finds nothing odd in a JPEG; raises ValueError for one that it cannot take."""
    return _remark_on(content, num_channels) is None


def runs_out(content: bytes, num_channels: int) -> bool:
    """Return whether a JPEG has fewer coded bytes than its pixels need; raises ValueError where that cannot be
    computed.
    """
    remark = _remark_on(content, num_channels)
    return remark is not None and _RAN_OUT in remark


def num_needed(num_bytes: int, runs_out_with: Callable[[int], bool]) -> int:
    """Return the least number of bytes, at most `num_bytes`, with which decoding does not run out, or all it has."""
    high, step = num_bytes, 1
    while high and not runs_out_with(max(high - step, 0)):
        high, step = max(high - step, 0), 2 * step
    low = max(high - step, 0)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if runs_out_with(middle) else (low, middle)
    return high


def row_of_units(frame: bytes, num_units: int) -> bytes:
    """Return the frame header of an image of one row of so many smallest coded units; raises ValueError if too wide."""
    across, down = unit_size(frame)
    if not 0 < num_units * across <= LONGEST_SIDE:
        raise ValueError("no image has such a row")
    return frame[:1] + down.to_bytes(2, "big") + (num_units * across).to_bytes(2, "big") + frame[5:]


def count_units(frame: bytes) -> int:
    """Return how many smallest coded units an image of one scan has."""
    across, down = unit_size(frame)
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return -(-width // across) * -(-height // down)


def unit_size(frame: bytes) -> tuple[int, int]:
    """Return width and height in pixels of the smallest coded unit of an image of one scan."""
    factors = frame[7::3]
    across, down = (1, 1) if len(factors) == 1 else (max(f >> 4 for f in factors), max(f & 15 for f in factors))
    return 8 * across, 8 * down


def _remark_on(content: bytes, num_channels: int) -> str | None:
    """Return the decoder's remark on the end of the data, None if it has none.

    Raises ValueError for any other: only the last is reported, and where data is damaged it may hide one on the end.
    """
    colours = "CMYK" if num_channels == 4 else "GRAY"
    try:
        simplejpeg.decode_jpeg(content, colorspace=colours, fastdct=True, fastupsample=True, min_height=1, min_width=1)
    except ValueError as error:
        if _RAN_OUT in str(error) or _LEFT_OVER in str(error):
            return str(error)
        raise
    return None
