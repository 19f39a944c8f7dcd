"""Pictures that are no upright chest images, of many kinds, to measure a gate with: drawn here, or pydicom's own.

Shapes: H and W pixels.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 512


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
