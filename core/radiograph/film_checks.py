"""Cheap checks of whether a picture can be an image at all, by its pixels alone."""

import numpy as np

from core.errors import UnusableFilmError
from core.radiograph.reading import Radiograph
from core.radiograph.rejection import RejectionReason
from core.radiograph.screenshots import MOST_DRAWN, drawn_share
from core.reasons import (
    Blank,
    DrawnFrame,
    FlatBright,
    InColour,
    Noise,
    OddShape,
    Reason,
    TooFewPixels,
    WideBorder,
    WritingOnDark,
)

# On 5,746 real images, copies and native ones, no measure comes near its limit; the worst image is shown beside each.
SMALLEST_SIDE = 64  # 140
LARGEST_ASPECT = 4.0  # 3.2
MOST_COLOUR = 0.06  # 0.000
LEAST_SPREAD = 0.06  # 0.34
MOST_ROUGHNESS = 0.6  # 0.23
MOST_FLAT_SHARE = 0.35  # 0.08, and 0.29 with the black surroundings
MOST_EDGES = 0.10  # 0.08
DARK = 0.03
EDGE = 0.15
LEAST_FIELD = 0.75
"""Of the area of an image whose border was cropped; where less is left, a shutter may have hidden what counts.

Under shutters of a tenth of each side 4 findings of 20 changed, also with the border cropped.
"""
NUM_LEVELS = 256
ROWS_COUNTED = 96
ROWS_COMPARED = 24


def check_film(radiograph: Radiograph) -> None:
    """Raise UnusableFilmError with the reason if the picture cannot be a grey image."""
    width, height = radiograph.width, radiograph.height
    if radiograph.field is not None:
        field = radiograph.field
        width, height = round(width * (field.right - field.left)), round(height * (field.bottom - field.top))
    if min(width, height) < SMALLEST_SIDE:
        _refuse(RejectionReason.TOO_SMALL, TooFewPixels(width, height))
    if max(width, height) > LARGEST_ASPECT * min(width, height):
        _refuse(RejectionReason.ODD_SHAPE, OddShape(width, height))
    if radiograph.colourfulness > MOST_COLOUR:
        _refuse(RejectionReason.COLOUR, InColour())
    values_HW, white = radiograph.grey_HW, radiograph.white
    levels = grey_levels(values_HW, white)
    if spread(levels) < LEAST_SPREAD:
        _refuse(RejectionReason.BLANK, Blank())
    if roughness(values_HW) > MOST_ROUGHNESS:
        _refuse(RejectionReason.NOISE, Noise())
    if flat_share(levels) > MOST_FLAT_SHARE:
        _refuse(RejectionReason.SCREENSHOT, FlatBright())
    if levels.max() > MOST_FLAT_SHARE and edges(values_HW, levels, white) > MOST_EDGES:
        _refuse(RejectionReason.SCREENSHOT, WritingOnDark())


def doubts_about(radiograph: Radiograph) -> tuple[Reason, ...]:
    """Return what makes a picture doubtful as an image of a chest."""
    doubts: list[Reason] = []
    if drawn_share(radiograph.whole_HW, radiograph.white) > MOST_DRAWN:
        doubts.append(DrawnFrame())
    if radiograph.field is not None and radiograph.field.area < LEAST_FIELD:
        doubts.append(WideBorder())
    return tuple(doubts)


def grey_levels(values_HW: np.ndarray, white: float = 1.0) -> np.ndarray:
    """Return the share of pixels at each of 256 grey levels, counted on every fourth pixel of about a hundred rows."""
    sample_HW = values_HW[:: _every(values_HW, ROWS_COUNTED), ::4]
    if sample_HW.dtype != np.uint8:
        sample_HW = (sample_HW * np.float32((NUM_LEVELS - 1) / white)).astype(np.uint8)
    return np.bincount(sample_HW.ravel(), minlength=NUM_LEVELS) / sample_HW.size


def spread(levels: np.ndarray) -> float:
    """Return the distance, in [0, 1], between the grey values that 1 % and 99 % of the pixels lie below."""
    below = np.cumsum(levels)
    return float(np.searchsorted(below, 0.99) - np.searchsorted(below, 0.01)) / (NUM_LEVELS - 1)


def roughness(values_HW: np.ndarray) -> float:
    """Return the mean step between neighbours over the standard deviation: 1.13 for noise, under 0.25 for images."""
    rows_HW = values_HW[:: _every(values_HW, ROWS_COMPARED)].astype(np.float32)
    deviation = float(rows_HW.std())
    steps_HW = np.diff(rows_HW, axis=1)
    return float(np.abs(steps_HW, out=steps_HW).mean()) / deviation if deviation > 0 else 0.0


def flat_share(levels: np.ndarray) -> float:
    """Return the share of the commonest grey level; black surroundings do not count."""
    return float(levels[round(DARK * NUM_LEVELS) :].max())


def edges(values_HW: np.ndarray, levels: np.ndarray, white: float = 1.0) -> float:
    """Return the hard steps between neighbours for each pixel off the commonest level: many in writing, few in images.

    An image that was laid on a black page has as many pixels of exactly one value as a dark screen has.
    """
    steps_HW = np.abs(np.diff(values_HW[::8].astype(np.float32), axis=1)) > EDGE * white
    return float(steps_HW.mean() / max(1 - levels.max(), 1 / values_HW.size))


def _every(values_HW: np.ndarray, num_rows: int) -> int:
    """Return how far apart rows lie of which an image has at least `num_rows`, or all it has."""
    return max(values_HW.shape[0] // num_rows, 1)


def _refuse(reason: RejectionReason, why: Reason) -> None:
    raise UnusableFilmError(reason, why)
