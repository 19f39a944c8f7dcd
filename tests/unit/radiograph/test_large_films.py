"""Images of very many pixels are read within half a gigabyte, or refused before they are decoded."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import UnreadableFileError
from core.radiograph import large_films
from core.radiograph.large_films import LARGE, MAX_PIXELS, mean_of_blocks, memory_needed, reduced, reduction
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from core.settings import PROJECT_ROOT
from tests.dicom_files import dicom_of

MOST_MEGABYTES = 500
CHILD = """
import resource, sys
from pathlib import Path
from core.errors import RadiographError
from core.triage.intake import Candidate
from core.triage.preparation import Preparation
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
film = Preparation(224, 10**9, False, True)(Candidate(path.name, path))
print(type(film).__name__, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def grey_ramp(side: int) -> np.ndarray:
    return np.tile(np.linspace(0, 255, side).astype(np.uint8), (side, 1))


def colour_png(path: Path) -> None:
    side = int(MAX_PIXELS**0.5)
    Image.fromarray(grey_ramp(side)).convert("RGB").save(path, "PNG", compress_level=1)


def sixteen_bit_dicom(path: Path) -> None:
    path.write_bytes(dicom_of(grey_ramp(5470).astype(np.uint16) * 16))


@pytest.mark.parametrize("write", [colour_png, sixteen_bit_dicom])
def test_the_largest_films_stay_below_half_a_gigabyte(write, tmp_path: Path) -> None:
    """A valid image of as many pixels as are read at all is read, and takes less than 500 MB."""
    path = tmp_path / "film"
    write(path)
    command = [sys.executable, "-c", CHILD, str(path)]
    printed = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert printed[0] == "PreparedFilm" and float(printed[1]) < MOST_MEGABYTES


def test_a_film_is_brought_down_by_whole_blocks() -> None:
    """Up to the largest detectors nothing is brought down; beyond, the reduced image has no more pixels than they."""
    assert reduction(4000, LARGE // 4000) == 1
    for width, height in ((4001, LARGE // 4000), (7000, 7000), (60_000, 1000)):
        factor = reduction(width, height)
        assert (width // factor) * (height // factor) <= LARGE < width * height
        assert (width // (factor - 1)) * (height // (factor - 1)) > LARGE * 0.99
    assert mean_of_blocks(np.array([[1, 3, 9], [5, 7, 9], [9, 9, 9]], np.uint16), 2).tolist() == [[4.0]]


def test_what_a_large_film_shows_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brought down, an image of any mode shows the same grey as its whole self, and keeps the size its file has."""
    pictures = {mode: Image.fromarray(grey_ramp(240)).convert(mode) for mode in ("L", "RGB", "RGBA", "LA", "P", "1")}
    pictures["I;16"] = Image.fromarray(grey_ramp(240).astype(np.uint16) * 257)
    for mode, picture in pictures.items():
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        whole = read_radiograph(stream.getvalue())
        with monkeypatch.context() as smaller:
            smaller.setattr(large_films, "LARGE", 240 * 240 // 4)
            brought_down = read_radiograph(stream.getvalue())
        assert (brought_down.width, brought_down.height) == (240, 240), mode
        assert brought_down.pixels_HW.shape == (120, 120), mode
        expected_HW = mean_of_blocks(whole.pixels_HW, 2)
        assert np.abs(brought_down.pixels_HW - expected_HW).max() < 0.006, mode


def test_a_film_that_would_need_too_much_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mode and file together need too much memory, the refusal says how much and what to do."""
    stream = io.BytesIO()
    Image.fromarray(grey_ramp(400)).convert("RGBA").save(stream, "PNG")
    content = stream.getvalue()
    image = Image.open(io.BytesIO(content))
    assert memory_needed(image, 10) == 10 + 400 * 400 * 8
    assert reduced(image) is image
    monkeypatch.setattr("core.radiograph.pictures.MOST_BYTES", 400 * 400 * 8)
    with pytest.raises(
        UnreadableFileError, match=r"400 by 400 pixels of this kind need 1 MB.*save it as grey"
    ) as caught:
        read_radiograph(content)
    assert caught.value.reason is RejectionReason.TOO_MANY_PIXELS
