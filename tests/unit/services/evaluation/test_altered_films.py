"""Images altered as they may come from elsewhere, checked by hand on a small one."""

import numpy as np
import pytest

from core.services.evaluation.altered_films import ALTERED, IN_A_VIEWER

FILM_HW = np.random.default_rng(0).integers(40, 200, (100, 120), dtype=np.uint8)


def altered(kind: str, seed: int = 0) -> np.ndarray:
    return ALTERED[kind](FILM_HW, np.random.default_rng(seed))


def test_shutters_cover_and_pages_surround() -> None:
    """A shutter of a tenth hides ten rows and twelve columns at each side; a page leaves all of the image."""
    covered_HW = altered("black shutter, 10%")
    assert np.array_equal(covered_HW[10:-10, 12:-12], FILM_HW[10:-10, 12:-12])
    covered_HW = covered_HW.copy()
    covered_HW[10:-10, 12:-12] = 0
    assert not covered_HW.any()
    page_HW = altered("on a white page, 10%")
    assert page_HW.shape == (125, 150) and np.array_equal(page_HW[12:112, 15:135], FILM_HW)
    assert (page_HW[:12] == 255).all()


def test_halves_and_mirror() -> None:
    """The halves make up the image; mirrored twice it is itself."""
    halves = [altered("left half"), altered("right half")]
    assert np.array_equal(np.hstack(halves), FILM_HW)
    assert np.array_equal(altered("mirrored")[:, ::-1], FILM_HW)


@pytest.mark.parametrize("kind", IN_A_VIEWER)
def test_a_viewers_screen_is_the_same_for_a_seed(kind: str) -> None:
    """Of a screen's size, with much of it not the image, and again just so."""
    screen_HW = altered(kind, seed=5)
    assert screen_HW.shape in {(800, 1280), (900, 1440), (768, 1366)}
    assert np.array_equal(screen_HW, altered(kind, seed=5)) and np.bincount(screen_HW.ravel()).max() > 50_000
