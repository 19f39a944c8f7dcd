"""Writes real pictures that are no chest images: `python tests/measurements/photographs.py FOLDER`.

Shapes: H and W pixels.
"""

import sys
from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image

PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "cell",
    "clock",
    "coffee",
    "coins",
    "colorwheel",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
    "immunohistochemistry",
    "logo",
    "microaneurysms",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
)
"""Pictures of scikit-image; those that a release lacks or would download are left out."""

NUM_CROPS = 8
SMALLEST_CROP = 160


def photographs() -> dict[str, np.ndarray]:
    """Return every photograph that the installed packages carry, as grey uint8 `[H, W]`."""
    found = {}
    for name in PHOTOGRAPHS:
        try:
            picture = getattr(skimage.data, name)()
        except (AttributeError, ModuleNotFoundError, OSError):
            continue
        if picture.dtype == bool:
            picture = picture.astype(np.uint8) * 255
        found[name] = np.asarray(Image.fromarray(np.asarray(picture, dtype=np.uint8)).convert("L"))
    for name in ("china.jpg", "flower.jpg"):
        image = Image.fromarray(sklearn.datasets.load_sample_image(name)).convert("L")
        found[name.removesuffix(".jpg")] = np.asarray(image)
    return found


def write_photographs(folder: Path, seed: int = 0) -> int:
    """Write each photograph whole and in random crops as grey PNG files; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, count = np.random.default_rng(seed), 0
    for name, picture_HW in photographs().items():
        height, width = picture_HW.shape
        Image.fromarray(picture_HW).save(folder / f"{name}.png")
        count += 1
        for number in range(NUM_CROPS if min(height, width) >= SMALLEST_CROP else 0):
            side = int(draw.integers(SMALLEST_CROP, min(height, width), endpoint=True))
            top, left = int(draw.integers(0, height - side + 1)), int(draw.integers(0, width - side + 1))
            Image.fromarray(picture_HW[top : top + side, left : left + side]).save(folder / f"{name}-{number}.png")
            count += 1
    return count


if __name__ == "__main__":
    print(write_photographs(Path(sys.argv[1])))
