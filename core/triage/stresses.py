"""Changes that an image may undergo on its way to the desk, and that should not change what is said of it.

Shapes: H and W pixels of the image as decoded; sizes are given as shares of it, so that they mean the same on any
image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

COPY_SIDE = 224
"""Side of the small copies that datasets are handed on as, in pixels."""

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Stress:
    """One change: its name, what it stands for, and how it is made from 8-bit grey values `[H, W]`.

    `is_harmless` says whether a reader would still call it the same image; others are reported apart.
    """

    name: str
    description: str
    change: Change
    is_harmless: bool = True


def reencode(film_HW: np.ndarray, _: np.random.Generator, quality: int) -> np.ndarray:
    """Return the image after it was saved as a JPEG of this quality."""
    encoded = BytesIO()
    Image.fromarray(film_HW).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded))


def small_copy(film_HW: np.ndarray, _: np.random.Generator, resampling: Image.Resampling) -> np.ndarray:
    """Return the image as a square copy of 224 pixels, its aspect not kept."""
    return np.asarray(Image.fromarray(film_HW).resize((COPY_SIDE, COPY_SIDE), resampling))


def blur(film_HW: np.ndarray, _: np.random.Generator, sigma: float) -> np.ndarray:
    """Return the image blurred; `sigma` is in pixels of a copy whose shorter side is 224."""
    radius = sigma * min(film_HW.shape) / COPY_SIDE
    return np.asarray(Image.fromarray(film_HW).filter(ImageFilter.GaussianBlur(radius)))


def add_noise(film_HW: np.ndarray, generator: np.random.Generator, deviation: float) -> np.ndarray:
    """Return the image with normal noise on every pixel; `deviation` is a share of white."""
    noise_HW = generator.standard_normal(film_HW.shape, dtype=np.float32) * np.float32(255 * deviation)
    return _to_grey(film_HW + noise_HW)


def bend(film_HW: np.ndarray, _: np.random.Generator, gamma: float) -> np.ndarray:
    """Return the image with its grey values, as shares of white, raised to `gamma`."""
    curve = _to_grey(255 * (np.arange(256) / 255) ** gamma)
    return curve[film_HW]


def crop(film_HW: np.ndarray, _: np.random.Generator, share: float) -> np.ndarray:
    """Return the image without this share of its height and width at each border."""
    rows, columns = (round(share * side) for side in film_HW.shape)
    return film_HW[rows : film_HW.shape[0] - rows, columns : film_HW.shape[1] - columns]


def rotate(film_HW: np.ndarray, _: np.random.Generator, degrees: float) -> np.ndarray:
    """Return the image turned counter-clockwise, with black where nothing was."""
    return np.asarray(Image.fromarray(film_HW).rotate(degrees, Image.Resampling.BILINEAR))


def occlude(film_HW: np.ndarray, generator: np.random.Generator, num_patches: int, share: float) -> np.ndarray:
    """Return the image with black patches of this share of its sides at random places."""
    result_HW = film_HW.copy()
    height, width = (max(round(share * side), 1) for side in film_HW.shape)
    for _ in range(num_patches):
        top = generator.integers(0, film_HW.shape[0] - height + 1)
        left = generator.integers(0, film_HW.shape[1] - width + 1)
        result_HW[top : top + height, left : left + width] = 0
    return result_HW


def mask_corners(film_HW: np.ndarray, _: np.random.Generator, share: float) -> np.ndarray:
    """Return the image with its four corners black, each this share of its sides; side marks and writing lie there."""
    result_HW = film_HW.copy()
    rows, columns = (max(round(share * side), 1) for side in film_HW.shape)
    for vertical in (slice(None, rows), slice(-rows, None)):
        for horizontal in (slice(None, columns), slice(-columns, None)):
            result_HW[vertical, horizontal] = 0
    return result_HW


def letterbox(film_HW: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return the image in the middle of a black square, its aspect kept."""
    height, width = film_HW.shape
    side = max(height, width)
    square_SS = np.zeros((side, side), dtype=film_HW.dtype)
    top, left = (side - height) // 2, (side - width) // 2
    square_SS[top : top + height, left : left + width] = film_HW
    return square_SS


def invert(film_HW: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return the image with black for white."""
    return 255 - film_HW


def _to_grey(values_HW: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values_HW), 0, 255).astype(np.uint8)


_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}

STRESSES: tuple[Stress, ...] = (
    *(
        Stress(f"jpeg_{quality}", f"saved again as a JPEG of quality {quality}", partial(reencode, quality=quality))
        for quality in (30, 40, 50, 70, 95)
    ),
    *(
        Stress(f"copy_{name}", f"brought to 224 by 224 pixels first, {name}", partial(small_copy, resampling=kind))
        for name, kind in _FILTERS.items()
    ),
    *(
        Stress(f"blur_{sigma}", f"blurred by {sigma} pixels of a 224-pixel copy", partial(blur, sigma=sigma))
        for sigma in (0.5, 1.0)
    ),
    *(
        Stress(f"noise_{share}", f"noise of {share:.0%} of white on every pixel", partial(add_noise, deviation=share))
        for share in (0.02, 0.05)
    ),
    *(Stress(f"gamma_{gamma}", f"gamma {gamma}", partial(bend, gamma=gamma)) for gamma in (0.7, 1.4)),
    *(
        Stress(f"crop_{share}", f"{share:.0%} cut off at each border", partial(crop, share=share))
        for share in (0.05, 0.1)
    ),
    *(
        Stress(f"rotation_{degrees:+}", f"turned by {degrees} degrees", partial(rotate, degrees=degrees))
        for degrees in (-10, -5, 5, 10)
    ),
    Stress("occlusion", "three black patches of a tenth of its sides", partial(occlude, num_patches=3, share=0.1)),
    Stress("corners", "the corners black, 15% of its sides each", partial(mask_corners, share=0.15)),
    Stress("letterbox", "laid on a black square, its aspect kept", letterbox),
    Stress("inverted", "black for white", invert, is_harmless=False),
)
