"""AI heatmap: class activation maps, and their picture over an image.

Shapes: B images, C channels, h and w cells of the last feature map, H and W pixels of the image.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from core.radiograph.shutter import Field

# "Inferno": even steps of lightness from dark to bright, so that it reads in grey and for all colour vision.
_STOPS_RGB = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
)

OVERLAY_LONGEST_SIDE = 448
SMOOTH_SIDE = 56
"""A map is made smooth at this size; from there on straight lines look the same and cost half."""

EDGE_SHARE_LIMIT = 0.78
"""Share of the activation in the outermost of 7 x 7 cells, which cover 0.49 of the image, that only 1 in 20 exceeds.

Measured with the bundled model on 200 native images and the official validation folder: of the 152 images over its
threshold the median is 0.61, the 95th percentile 0.78.
"""

HEATMAP_SIDE = 224
PLACED_SIDE = 28
"""Cells of a map of a cropped image, brought to the whole image: fine enough that it lies right to 2 % of a side."""


def positive_share(maps_Bhw: np.ndarray) -> np.ndarray:
    """Return maps scaled to [0, 1] each by its own maximum; what speaks against pneumonia becomes 0."""
    positive = np.maximum(maps_Bhw, 0)
    peak = positive.max(axis=(-2, -1), keepdims=True)
    return np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)


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


def overlay(grey_HW: np.ndarray, map_hw: np.ndarray, opacity: float = 0.45) -> Image.Image:
    """Return the image (uint8, or fractions of white) with its scaled map laid over it, as an RGB picture.

    No side of it is longer than `OVERLAY_LONGEST_SIDE`: encoding at full size costs several times the reading.
    """
    film = Image.fromarray(small_film(grey_HW))
    share = share_image(map_hw, film.size)
    weight = share.point(_weights(opacity))
    share.putpalette(PALETTE)
    return Image.composite(share.convert("RGB"), film.convert("RGB"), weight)


def share_image(map_hw: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Return a map in [0, 1] as smooth grey picture of this width and height, white where it is 1."""
    steps_hw = np.round(np.clip(map_hw, 0, 1) * 255).astype(np.uint8)
    smooth = Image.fromarray(steps_hw).resize((SMOOTH_SIDE, SMOOTH_SIDE), Image.Resampling.BICUBIC)
    return smooth.resize(size, Image.Resampling.BILINEAR)


@lru_cache(maxsize=8)
def _weights(opacity: float) -> list[int]:
    return [round(opacity * step) for step in range(256)]


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


def colours(share_HW: np.ndarray) -> np.ndarray:
    """Return `rgb_HW3` in 0 to 255 for values in [0, 1]."""
    positions = np.linspace(0, 1, len(_STOPS_RGB))
    channels = zip(*_STOPS_RGB, strict=True)
    return np.stack([np.interp(share_HW, positions, channel) for channel in channels], axis=-1)


def edge_share(map_hw: np.ndarray) -> float:
    """Return how much of a map's activation lies in its outermost cells, corners among them; 0 for an empty map."""
    total = float(map_hw.sum())
    inner = float(map_hw[1:-1, 1:-1].sum())
    return (total - inner) / total if total > 0 else 0.0


PALETTE = np.round(colours(np.linspace(0, 1, 256))).astype(np.uint8).tobytes()
"""The scale in 256 steps, as red, green, blue."""


def draw_heatmap(share_hw: np.ndarray) -> bytes:
    """Return a map in [0, 1] as a square PNG to be stretched over its image: the less there is, the clearer."""
    layer = share_image(share_hw, (HEATMAP_SIDE, HEATMAP_SIDE))
    opacity = layer.copy()
    layer.putpalette(PALETTE)
    # True colours, though a palette is smaller: programs that take the four channels as they come must find them.
    coloured = layer.convert("RGB")
    coloured.putalpha(opacity)
    stream = BytesIO()
    coloured.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
