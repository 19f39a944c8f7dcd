"""A border of one grey value around an image is found and cropped; nothing else is."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.radiograph.reading import read_radiograph
from core.radiograph.shutter import find_field, without_border
from tests.dicom_files import dicom_of

TRUE_BORDERS = {"NORMAL2-IM-0793-0001.jpeg", "person783_bacteria_2687.jpeg"}
"""Of the native images those that were laid on a black page, by 3 to 4 % at each side."""


def film(height: int = 300, width: int = 400, seed: int = 0) -> np.ndarray:
    """Return smooth noise from 40 to 215, as bright at its borders as in its middle."""
    draw = np.random.default_rng(seed)
    cells = Image.fromarray(draw.integers(40, 216, (12, 16), dtype=np.uint8))
    return np.asarray(cells.resize((width, height), Image.Resampling.BILINEAR))


def covered(film_HW: np.ndarray, top: int, bottom: int, left: int, right: int, grey: int = 0) -> np.ndarray:
    result_HW = np.full_like(film_HW, grey)
    inner = slice(top, film_HW.shape[0] - bottom), slice(left, film_HW.shape[1] - right)
    result_HW[inner] = film_HW[inner]
    return result_HW


def content(film_HW: np.ndarray, file_format: str = "PNG", **options: int) -> bytes:
    stream = BytesIO()
    Image.fromarray(film_HW).save(stream, file_format, **options)
    return stream.getvalue()


@pytest.mark.parametrize("grey", [0, 3, 60, 255])
@pytest.mark.parametrize("borders", [(30, 30, 40, 40), (60, 20, 0, 50), (0, 0, 0, 40), (45, 45, 0, 0), (0, 9, 0, 0)])
def test_a_border_is_cropped_to_the_pixel(grey: int, borders: tuple[int, int, int, int]) -> None:
    """Whichever sides it has and whatever its grey, exactly what it leaves open is kept."""
    top, bottom, left, right = borders
    film_HW = film()
    found_HW = without_border(covered(film_HW, *borders, grey=grey), 255.0)
    assert np.array_equal(found_HW, film_HW[top : 300 - bottom, left : 400 - right])


@given(st.tuples(*[st.integers(10, 100)] * 4), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_any_wide_border_is_cropped(borders: tuple[int, int, int, int], seed: int) -> None:
    """A black border of 3 to 33 % at each side, of any image, is taken off to within a line."""
    film_HW = film(seed=seed)
    rows, columns = find_field(covered(film_HW, *borders), 255.0)
    found = rows.start, 300 - rows.stop, columns.start, 400 - columns.stop
    assert np.abs(np.subtract(found, borders)).max() <= 1


def test_a_film_without_border_is_the_very_same() -> None:
    """Not a copy of it either; so are images that fade to black as air does, or have a hair's breadth of black."""
    film_HW = film()
    assert without_border(film_HW, 255.0) is film_HW
    narrow_HW = covered(film_HW, 5, 5, 5, 5)
    assert find_field(narrow_HW, 255.0) is None
    # The outline of an arm: of each line only a little more lies outside the black than of the line before.
    reach_H1 = 40 + 200 * np.abs(np.linspace(-1, 1, 300))[:, None]
    faded_HW = np.where(np.arange(400) < reach_H1, 0, film_HW).astype(np.uint8)
    assert find_field(faded_HW, 255.0) is None


def test_what_is_all_border_is_left_for_the_checks() -> None:
    """One grey value all over is no border, nor is one that leaves next to nothing."""
    assert find_field(np.zeros((300, 400), np.uint8), 255.0) is None
    assert find_field(covered(film(), 140, 140, 190, 190), 255.0) is None
    assert find_field(np.array([[0, 31, 13, 0, 0, 0, 0]], np.uint8), 255.0) is None


def test_a_mark_in_the_border_and_compression_do_not_hide_it() -> None:
    """A small mark, and the ripples that a JPEG has beside an edge, leave the border found."""
    border_HW = covered(film(), 30, 30, 40, 40)
    border_HW[100:108, 10:20] = 220
    reread = read_radiograph(content(border_HW, "JPEG", quality=75))
    assert np.abs(np.subtract(reread.grey_HW.shape, (240, 320))).max() <= 16
    assert reread.field.top == pytest.approx(0.1, abs=0.03)


def test_every_format_is_cropped_alike_and_says_so() -> None:
    """PNG and DICOM of one image give the same part, with the same sentence; the whole image is kept to look at."""
    border_HW = covered(film(), 30, 30, 40, 40)
    picture, dicom = read_radiograph(content(border_HW)), read_radiograph(dicom_of(border_HW))
    for read in (picture, dicom):
        assert np.array_equal(read.pixels_HW, (film()[30:270, 40:360] / np.float32(255)).astype(np.float32))
        assert np.array_equal(read.whole_HW, border_HW)
        assert "a border of one grey value, 36% of the image, was cropped before analysis" in map(str, read.notes)
        assert (read.width, read.height) == (400, 300)
    assert np.array_equal(picture.to_square(64), dicom.to_square(64))
    plain = read_radiograph(content(film()))
    assert plain.field is None and plain.notes == () and plain.whole_HW is plain.grey_HW


def test_native_films_are_read_as_before(real_data: Path) -> None:
    """Real images have the pixels they were decoded to, all but those that were laid on a black page."""
    films = sorted((real_data / "originals").rglob("*.jpeg"))[::10]
    films += [path for path in (real_data / "originals").rglob("*.jpeg") if path.name in TRUE_BORDERS]
    cropped = {path.name for path in films if read_radiograph(path, shortest_side=896).field is not None}
    assert cropped == TRUE_BORDERS


def test_an_image_of_the_usual_size_without_a_border_keeps_all_of_it() -> None:
    """Nothing is cut where no border was drawn."""
    assert find_field(film(1000, 1300), 255.0) is None
