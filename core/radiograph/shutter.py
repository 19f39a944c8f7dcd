"""Finds the part of an image that its shutter, or the page it was laid on, leaves open.

Shapes: H and W pixels of the image as decoded, L lines from one of its borders inwards, P pixels of a line.
"""

import math
from dataclasses import dataclass

import numpy as np

# Of 2,808 images of the standard dataset, 0.7 % have such a border; what is black because it is air begins gradually.
TOLERANCE = 12 / 255
"""From the grey of the outermost line; saving as JPEG moves no more."""
MOST_ODD = 0.05
"""Share of a border's line that may have another grey: a side mark may lie in it."""
LEAST_WIDTH = 0.03
"""Of a border that is cut off, as a share of the image's side; narrower ones change no finding."""
LEAST_BESIDE = 0.01
"""Of a border beside one that is cut off."""
STEP = 30 / 255
LEAST_STEP = 0.6
"""Share of a line close behind a border that differs from it by that step: beside air it is far less."""
STEP_WITHIN = 0.02
LEAST_FIELD = 0.25
"""Share of each side below which what is left is no image with a border."""
SMALLEST_SIDE = 64
"""In pixels, of an image that is looked at: in a smaller one, which is no image, a line or two say nothing."""
PIXELS_LOOKED_AT = 128
"""Of a line."""


@dataclass(frozen=True)
class Field:
    """The open part of an image: where it begins and ends, as shares of the image's height and width."""

    top: float
    bottom: float
    left: float
    right: float

    @property
    def area(self) -> float:
        """Its share of the image."""
        return (self.bottom - self.top) * (self.right - self.left)


def find_field(grey_HW: np.ndarray, white: float = 1.0) -> tuple[slice, slice] | None:
    """Return the rows and columns within a border of one grey value, None for an image without one."""
    if min(grey_HW.shape) < SMALLEST_SIDE:
        return None
    if not any(_may_have_border(lines_LP, white) for lines_LP in _from_each_side(grey_HW)):
        return None
    rows, has_rows = _within(grey_HW, white)
    columns, has_columns = _within(grey_HW[rows].T, white)
    if not has_rows:
        rows, has_rows = _within(grey_HW[:, columns], white)
    sides = zip((rows, columns), grey_HW.shape, strict=True)
    if not (has_rows or has_columns) or any(kept.stop - kept.start < LEAST_FIELD * side for kept, side in sides):
        return None
    return rows, columns


def without_border(grey_HW: np.ndarray, white: float = 1.0) -> np.ndarray:
    """Return the image within its border, itself if it has none."""
    field = find_field(grey_HW, white)
    return grey_HW if field is None else grey_HW[field]


def _from_each_side(grey_HW: np.ndarray) -> tuple[np.ndarray, ...]:
    return grey_HW, grey_HW[::-1], grey_HW.T, grey_HW.T[::-1]


def _may_have_border(lines_LP: np.ndarray, white: float) -> bool:
    """Return whether the outermost line and the one where a border would have to reach are of one grey: quickly."""
    every = _every(lines_LP)
    reached = max(math.ceil(LEAST_WIDTH * len(lines_LP)) - 1, 0)
    ends_LP = lines_LP[[0, reached], ::every]
    return bool((_shares_over(TOLERANCE * white, ends_LP, ends_LP[0]) <= MOST_ODD).all())


def _within(lines_LP: np.ndarray, white: float) -> tuple[slice, bool]:
    """Return the lines between the borders at both ends, and whether one of these is wide and ends at once."""
    first, starts_at_once = _border(lines_LP, white)
    last, ends_at_once = _border(lines_LP[::-1], white)
    if first + last >= len(lines_LP):
        return slice(0, len(lines_LP)), False
    return slice(first, len(lines_LP) - last), starts_at_once or ends_at_once


def _border(lines_LP: np.ndarray, white: float) -> tuple[int, bool]:
    """Return of how many lines the border is, 0 if of too few, and whether it is wide and ends at once."""
    count, lines_LP = len(lines_LP), lines_LP[:, :: _every(lines_LP)]
    ends = np.flatnonzero(_shares_over(TOLERANCE * white, lines_LP, lines_LP[0]) > MOST_ODD)
    width = int(ends[0]) if len(ends) else count
    if width < max(LEAST_BESIDE * count, 1):
        return 0, False
    behind_LP = lines_LP[width : width + max(round(STEP_WITHIN * count), 2)]
    ends_at_once = bool((_shares_over(STEP * white, behind_LP, lines_LP[0]) >= LEAST_STEP).any())
    return width, ends_at_once and width >= LEAST_WIDTH * count


def _shares_over(difference: float, lines_LP: np.ndarray, outermost_P: np.ndarray) -> np.ndarray:
    """Return of each line the share of pixels that differ by more than this from the usual grey of the outermost."""
    middle = outermost_P.size // 2
    usual = np.float32(np.partition(outermost_P, middle)[middle])
    return np.count_nonzero(np.abs(lines_LP.astype(np.float32) - usual) > difference, axis=1) / outermost_P.size


def _every(lines_LP: np.ndarray) -> int:
    return max(lines_LP.shape[1] // PIXELS_LOOKED_AT, 1)
