"""Tells the picture of a screen from an image by what is drawn there: evenly grey bars, lists and frames.

Shapes: H and W pixels.
"""

import numpy as np

ROWS_LOOKED_AT = 32
SHORTEST_RUN = 0.04
"""Of pixels side by side with exactly one grey value, as a share of the width."""
DARKEST, LIGHTEST = 12 / 255, 243 / 255
"""Greys between which such runs count; black and white ones lie in images too."""
NUM_LEVELS = 256
MOST_DRAWN = 0.02
"""Share of the pixels in such runs of one grey, as an image may have it.

At most 0.011 on 200 native images; on the screens of viewers that were drawn for this, usually 0.02 to 0.14.
"""


def drawn_share(grey_HW: np.ndarray, white: float = 1.0) -> float:
    """Return the share of a picture that lies in long runs of one grey, of the grey that has most of them."""
    rows_HW = grey_HW[:: max(grey_HW.shape[0] // ROWS_LOOKED_AT, 1)]
    if rows_HW.dtype != np.uint8:
        rows_HW = (rows_HW * np.float32((NUM_LEVELS - 1) / white)).astype(np.uint8)
    shortest = max(round(SHORTEST_RUN * rows_HW.shape[1]), 8)
    # Runs begin where a pixel differs from the one before; a row's first pixel always begins one.
    begins_HW = np.empty(rows_HW.shape, dtype=bool)
    begins_HW[:, 0] = True
    np.not_equal(rows_HW[:, 1:], rows_HW[:, :-1], out=begins_HW[:, 1:])
    begins = np.flatnonzero(begins_HW)
    lengths = np.diff(begins, append=rows_HW.size)
    is_long = lengths >= shortest
    pixels = np.bincount(rows_HW.ravel()[begins[is_long]], lengths[is_long], NUM_LEVELS)
    between = slice(round(DARKEST * 255) + 1, round(LIGHTEST * 255))
    return float(pixels[between].max()) / rows_HW.size
