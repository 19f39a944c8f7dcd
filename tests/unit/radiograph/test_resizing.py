"""The square input keeps brightness and range, and is made as the standard dataset's copies were."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square


def test_halving_weighs_neighbours_as_a_triangle_does() -> None:
    """Four pixels become two with weights 3:3:1 towards the edge, in both directions, computed by hand."""
    a, b, c, d = 0.1, 0.5, 0.9, 0.3
    row_H4 = np.tile(np.float32([a, b, c, d]), (4, 1))
    expected = [(3 * a + 3 * b + c) / 7, (b + 3 * c + 3 * d) / 7]
    np.testing.assert_allclose(resize_to_square(row_H4, 2), [expected, expected], atol=1e-6)
    np.testing.assert_allclose(resize_to_square(row_H4.T, 2), np.transpose([expected, expected]), atol=1e-6)


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    """Nothing is computed where nothing is to be done."""
    film_HW = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    np.testing.assert_array_equal(resize_to_square(film_HW, 32), film_HW)


@settings(deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(0, 1, width=32)),
    st.integers(1, 48),
)
def test_the_range_is_never_left(pixels_HW: np.ndarray, size: int) -> None:
    """Any picture becomes a square of the size asked for, between its own darkest and brightest value."""
    square = resize_to_square(pixels_HW, size)
    assert square.shape == (size, size) and square.dtype == np.float32
    assert square.min() >= max(pixels_HW.min() - 1e-6, 0) and square.max() <= min(pixels_HW.max() + 1e-6, 1)


@given(st.floats(0, 1, width=32), st.integers(1, 300), st.integers(1, 300))
@settings(deadline=None, max_examples=30)
def test_one_grey_stays_that_grey(value: float, width: int, height: int) -> None:
    """A plane keeps its value, whatever its shape."""
    np.testing.assert_allclose(resize_to_square(np.full((height, width), value, np.float32), 64), value, atol=1e-6)


def test_slices_of_arrays_are_resized_too() -> None:
    """Pixels need not lie side by side in memory."""
    film_HW = np.random.default_rng(1).random((60, 80), dtype=np.float32)
    np.testing.assert_array_equal(
        resize_to_square(film_HW[::2, ::-1], 16), resize_to_square(film_HW[::2, ::-1].copy(), 16)
    )


def test_native_films_become_the_cohorts_copies(real_data: Path) -> None:
    """A native image resized differs from the dataset's own 224-pixel copy by under three grey levels on average."""
    differences = []
    for path in sorted((real_data / "originals").rglob("*.jpeg"))[::10]:
        copy = real_data / "chest_xray" / "train" / path.parent.name / path.name
        if copy.is_file():
            ours = resize_to_square(read_radiograph(path, shortest_side=448).pixels_HW, 224)
            differences.append(255 * np.abs(ours - read_radiograph(copy).pixels_HW).mean())
    if not differences:
        pytest.skip("no native image here has its copy in the training folder under the same name")
    assert np.mean(differences) < 3
