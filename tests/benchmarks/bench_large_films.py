"""Memory of the largest pictures of each kind that are still opened (limit: 500 MB for one file, all in all).

Each is read to the network's square in a process of its own; the figure is that process's peak over what it had
before. A kind's largest picture is found by halving: the most pixels that are not refused.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from films import ROOT, line
from PIL import Image

MOST = 500
SHAPES = tuple(round(side) for side in np.sqrt(np.linspace(8e6, 59.9e6, 12)))
KINDS = {
    "JPEG grey": ("L", "JPEG", {}),
    "JPEG colour": ("RGB", "JPEG", {}),
    "JPEG progressive colour": ("RGB", "JPEG", {"progressive": True}),
    "JPEG CMYK": ("CMYK", "JPEG", {}),
    "PNG grey": ("L", "PNG", {"compress_level": 1}),
    "PNG palette": ("P", "PNG", {"compress_level": 1}),
    "PNG colour": ("RGB", "PNG", {"compress_level": 1}),
    "PNG with alpha": ("RGBA", "PNG", {"compress_level": 1}),
    "PNG 16 bits": ("I;16", "PNG", {"compress_level": 1}),
    "TIFF grey": ("L", "TIFF", {}),
    "TIFF 16 bits": ("I;16", "TIFF", {}),
    "TIFF 32 bits": ("F", "TIFF", {}),
    "BMP colour": ("RGB", "BMP", {}),
    "WebP": ("RGB", "WEBP", {"quality": 50, "method": 0}),
    "WebP with alpha": ("RGBA", "WEBP", {"quality": 50, "method": 0}),
    "GIF": ("P", "GIF", {}),
}
CHILD = """
import sys
from pathlib import Path
from core.errors import RadiographError
from core.radiograph.film_checks import check_film
from core.radiograph.reading import read_radiograph
from core.triage.memory import keep_freed_memory
def memory(name):
    return next(int(row.split()[1]) for row in open("/proc/self/status") if row.startswith(name)) / 1024
content = Path(sys.argv[1]).read_bytes()
keep_freed_memory()
before = memory("VmRSS") - len(content) / 2**20
try:
    film = read_radiograph(content, shortest_side=560)
    film.to_square(224)
    check_film(film)
    outcome = "read"
except RadiographError as error:
    outcome = error.reason.value
print(outcome, memory("VmHWM") - before)
"""


def write(kind: str, side: int, path: Path) -> None:
    mode, file_format, options = KINDS[kind]
    row_W = (np.arange(side) * 7 % 251).astype(np.uint8)
    values_HW = np.add.outer((np.arange(side) // 3 % 251).astype(np.uint8), row_W)
    if mode == "I;16":
        image = Image.fromarray(values_HW.astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(values_HW.astype(np.float32) / 255)
    else:
        image = Image.fromarray(values_HW).convert(mode)
    image.save(path, format=file_format, **options)


def measured(path: Path) -> tuple[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    outcome, megabytes = done.stdout.split()
    return outcome, float(megabytes)


def main() -> None:
    Image.MAX_IMAGE_PIXELS = None
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        for kind in KINDS:
            low, high, seen = 0, len(SHAPES), {}
            while low < high:
                middle = (low + high) // 2
                write(kind, SHAPES[middle], path)
                seen[middle] = measured(path)
                low, high = (low, middle) if seen[middle][0] == "too_many_pixels" else (middle + 1, high)
            megapixels = SHAPES[low - 1] ** 2 / 1e6 if low else 0.0
            peak = max((peak for outcome, peak in seen.values() if outcome != "too_many_pixels"), default=0.0)
            worst = max(worst, peak)
            line(f"{kind}, up to {megapixels:.0f} million pixels", peak, "MB", json.dumps(sorted(seen.values())[-1][0]))
    line("largest peak", worst, "MB", f"must be below {MOST}")


if __name__ == "__main__":
    main()
