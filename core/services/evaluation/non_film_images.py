"""Pictures that are no upright chest images, of many kinds, to measure a gate with; everything is made or lies here.

Shapes: H and W pixels.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.errors import EvaluationError
from core.language import tr

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
SIDE = 512


def photographs() -> dict[str, np.ndarray]:
    """Return every photograph that the installed packages carry, as grey uint8 `[H, W]`; raises EvaluationError."""
    try:
        import skimage.data
    except ModuleNotFoundError as error:
        raise EvaluationError(
            tr("Other pictures come with the package scikit-image, which is not installed: `pip install scikit-image`.")
        ) from error
    import sklearn.datasets

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


def other_modalities() -> list[Path]:
    """Return the DICOM files that pydicom and, where it is installed, pydicom-data carry: CT, MR, ultrasound, reports.

    pydicom's own search would continue to download what is not here.
    """
    from pydicom.data.data_manager import DATA_ROOT, DataTypes, external_data_sources

    carried = list(Path(DATA_ROOT, "test_files").glob("*.dcm"))
    for source in external_data_sources().values():
        carried += map(Path, source.get_paths("*.dcm", DataTypes.DATASET))
    return sorted(carried)


def drawn_pictures(count: int, seed: int = 0) -> Iterator[tuple[str, Image.Image]]:
    """Yield `count` pages of text, charts and fields of noise in turn, each with its name."""
    generator = np.random.default_rng(seed)
    makers = (("text", _text), ("chart", _chart), ("noise", _noise))
    for number in range(count):
        kind, make = makers[number % len(makers)]
        yield f"{kind}-{number}", make(generator)


def _text(generator: np.random.Generator) -> Image.Image:
    paper, ink = (250, 20) if generator.random() < 0.5 else (15, 230)
    page = Image.new("L", (SIDE, SIDE), paper)
    pen = ImageDraw.Draw(page)
    size = int(generator.integers(10, 28))
    for top in range(10, SIDE - size, round(1.4 * size)):
        words = (
            "".join(chr(97 + letter) for letter in generator.integers(0, 26, generator.integers(2, 10)))
            for _ in range(generator.integers(3, 12))
        )
        pen.text((10, top), " ".join(words), fill=ink, font_size=size)
    return page


def _chart(generator: np.random.Generator) -> Image.Image:
    paper, ink = (255, 0) if generator.random() < 0.5 else (30, 220)
    page = Image.new("L", (SIDE, SIDE), paper)
    pen = ImageDraw.Draw(page)
    pen.line([(40, 20), (40, SIDE - 40), (SIDE - 20, SIDE - 40)], fill=ink, width=2)
    heights = generator.integers(20, SIDE - 80, int(generator.integers(4, 16)))
    step = (SIDE - 80) / len(heights)
    tops = [(50 + number * step, SIDE - 40 - int(height)) for number, height in enumerate(heights)]
    if generator.random() < 0.5:
        for left, top in tops:
            pen.rectangle([left, top, left + 0.7 * step, SIDE - 40], fill=int(generator.integers(60, 200)))
    else:
        pen.line(tops, fill=ink, width=3)
    return page


def _noise(generator: np.random.Generator) -> Image.Image:
    # From pure noise to cloudy fields: drawn small, then brought to size.
    side = int(generator.choice([8, 32, 128, SIDE]))
    values_HW = generator.integers(0, 256, (side, side), dtype=np.uint8)
    return Image.fromarray(values_HW).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
