"""Pictures of more pixels than any detector gives: brought down on the way, so that one file needs little memory.

Shapes: H and W pixels, h and w of the reduced image.
"""

import numpy as np
from PIL import Image

MAX_PIXELS = 60_000_000
"""Three times the largest detector; more is a bomb or no image."""
MOST_BYTES = 320_000_000
"""For a file's content and its decoded pixels together; what follows, on an image brought down, stays below 500 MB."""
LARGE = 20_000_000
"""Pixels above which a picture is averaged down: above the 4,300 by 4,300 of the largest detectors."""

_BYTES_OF_MODE = {"1": 1, "L": 1, "P": 5, "LA": 8, "PA": 8, "RGBA": 8, "I;16": 6, "I;16L": 6, "I;16B": 6, "I;16N": 6}
"""Of a pixel as the decoder keeps it and as it is turned into what can be averaged; other modes take four."""


def memory_needed(image: Image.Image, num_content_bytes: int, num_decoder_bytes: int = 0) -> int:
    """Return the bytes that decoding an opened picture takes, with its content and what its decoder takes a pixel."""
    of_pixel = _BYTES_OF_MODE.get(image.mode, 4) + num_decoder_bytes
    if image.format == "JPEG" and image.info.get("progressive"):
        # All coefficients of such a picture are held before a single pixel is available.
        of_pixel += 2 * len(image.getbands())
    return num_content_bytes + image.width * image.height * of_pixel


def reduction(width: int, height: int) -> int:
    """Return the side of the blocks of pixels that are averaged so that a picture is no longer large; 1 for none."""
    return 1 if width * height <= LARGE else int(np.ceil(np.sqrt(width * height / LARGE)))


def reduced(image: Image.Image) -> Image.Image:
    """Return a loaded picture with no more pixels than the largest detectors give; itself if it has no more."""
    factor = reduction(*image.size)
    if factor == 1 or image.mode.startswith("I;16"):
        return image
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.reduce(factor)


def mean_of_blocks(values_HW: np.ndarray, factor: int) -> np.ndarray:
    """Return the means of blocks of `factor` by `factor` pixels as float32; rows and columns left over are dropped."""
    height, width = (side // factor * factor for side in values_HW.shape)
    total_hw = np.zeros((height // factor, width // factor), np.float32)
    for row in range(factor):
        for column in range(factor):
            total_hw += values_HW[row:height:factor, column:width:factor]
    return total_hw / factor**2
