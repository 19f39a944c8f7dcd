"""Class activation maps: what an AI heatmap is drawn from.

Shapes: B images, C channels, h and w cells of the last feature map, H and W pixels of the image.
"""

import struct

import numpy as np
from PIL import Image

from core.radiograph.shutter import Field

OVERLAY_LONGEST_SIDE = 448
EDGE_SHARE_LIMIT = 0.78
"""Share of the activation in the outermost of 7 x 7 cells, which cover 0.49 of the image, that only 1 in 20 exceeds.

Measured with the bundled model on 200 native images and the official validation folder: of the 152 images over its
threshold the median is 0.61, the 95th percentile 0.78.
"""

_SIZES = struct.Struct("<HH")

PLACED_SIDE = 28
"""Cells of a map of a cropped image, brought to the whole image: fine enough that it lies right to 2 % of a side."""


def positive_share(maps_Bhw: np.ndarray) -> np.ndarray:
    """Return maps scaled to [0, 1] each by its own maximum; what speaks against pneumonia becomes 0."""
    positive = np.maximum(maps_Bhw, 0)
    peak = positive.max(axis=(-2, -1), keepdims=True)
    return np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)


def pack_map(map_hw: np.ndarray) -> bytes:
    """Return a map as it is kept: height and width, then each cell as a 32-bit float, rows from the top."""
    return _SIZES.pack(*map_hw.shape) + map_hw.astype("<f4").tobytes()


def unpack_map(packed: bytes) -> np.ndarray:
    """Return a kept map as `[h, w]` in float32; raises ValueError or struct.error for bytes that are none."""
    return np.frombuffer(packed, "<f4", offset=_SIZES.size).reshape(_SIZES.unpack_from(packed))


def on_whole_film(map_hw: np.ndarray, field: Field | None) -> np.ndarray:
    """Return the map of a cropped image as one of the whole image, 0 outside the part that the network was given."""
    if field is None:
        return map_hw
    rows, is_row = _cells(field.top, field.bottom, map_hw.shape[0])
    columns, is_column = _cells(field.left, field.right, map_hw.shape[1])
    return np.where(is_row[:, None] & is_column, map_hw[np.ix_(rows, columns)], 0).astype(map_hw.dtype)


def _cells(begin: float, end: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each place along the whole image the cell of the map that covers it, and whether any does."""
    places = ((np.arange(PLACED_SIDE) + 0.5) / PLACED_SIDE - begin) / (end - begin)
    return np.clip(np.floor(places * count).astype(int), 0, count - 1), (places >= 0) & (places < 1)


def small_film(grey_HW: np.ndarray) -> np.ndarray:
    """Return an image (uint8, or fractions of white) as uint8 with no side longer than `OVERLAY_LONGEST_SIDE`."""
    factor = -(-max(grey_HW.shape) // OVERLAY_LONGEST_SIDE)
    if grey_HW.dtype == np.uint8 and factor == 1:
        return grey_HW
    image = Image.fromarray(grey_HW if grey_HW.dtype == np.uint8 else grey_HW.astype(np.float32))
    if factor > 1:
        image = image.reduce(factor)
    if grey_HW.dtype == np.uint8:
        return np.asarray(image)
    return np.round(np.clip(np.asarray(image), 0, 1) * 255).astype(np.uint8)


def edge_share(map_hw: np.ndarray) -> float:
    """Return how much of a map's activation lies in its outermost cells, corners among them; 0 for an empty map."""
    total = float(map_hw.sum())
    inner = float(map_hw[1:-1, 1:-1].sum())
    return (total - inner) / total if total > 0 else 0.0
