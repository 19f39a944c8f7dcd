"""Where the model looked: class activation maps, and their picture over a film.

Shapes: B films, C channels, h and w cells of the last feature map, H and W pixels of the film.
"""

import numpy as np
from PIL import Image

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

EDGE_SHARE_LIMIT = 0.78
"""Share of the activation in the outermost of 7 x 7 cells, which cover 0.49 of the film, that only 1 in 20 exceeds.

Measured with the model in the box on 200 native films and the official validation folder: of the 152 films over its
threshold the median is 0.61, the 95th percentile 0.78.
"""


def positive_share(maps_Bhw: np.ndarray) -> np.ndarray:
    """Return maps scaled to [0, 1] each by its own maximum; what speaks against pneumonia becomes 0."""
    positive = np.maximum(maps_Bhw, 0)
    peak = positive.max(axis=(-2, -1), keepdims=True)
    return np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)


def overlay(pixels_HW: np.ndarray, map_hw: np.ndarray, opacity: float = 0.45) -> Image.Image:
    """Return the film with its scaled map laid over it, as an RGB picture of the film's size."""
    height, width = pixels_HW.shape
    share = Image.fromarray(map_hw.astype(np.float32), mode="F").resize((width, height), Image.Resampling.BICUBIC)
    share_HW1 = np.clip(np.asarray(share), 0, 1)[..., None]
    film_HW1 = (np.clip(pixels_HW, 0, 1) * 255)[..., None]
    weight = opacity * share_HW1
    return Image.fromarray(np.round(film_HW1 * (1 - weight) + colours(share_HW1[..., 0]) * weight).astype(np.uint8))


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
