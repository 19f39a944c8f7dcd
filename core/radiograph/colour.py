"""How colourful a picture is.

Shapes: H and W pixels of the sample.
"""

import numpy as np
from PIL import Image


def colourfulness(rgb: Image.Image) -> float:
    """Return the spread of the channels over the brightest one, in [0, 1].

    Measured on every fourth pixel of every fourth row, for colour is not a matter of detail, and relative to the
    brightness, so that a night scene is no less colourful than a day one.
    """
    channels_HW3 = np.asarray(rgb)[::4, ::4]
    brightest_HW = channels_HW3.max(axis=2)
    spread_HW = brightest_HW - channels_HW3.min(axis=2)
    return float(spread_HW.sum()) / max(float(brightest_HW.sum()), 1.0)
