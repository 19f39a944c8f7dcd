"""The picture of a viewer's screen is doubtful as an image; images are not."""

from pathlib import Path

import numpy as np
import pytest

from core.radiograph.film import Radiograph
from core.radiograph.film_checks import doubts_about
from core.radiograph.reading import read_radiograph
from core.radiograph.screenshots import MOST_DRAWN, drawn_share
from core.services.evaluation.altered_films import IN_A_VIEWER


def radiograph(grey_HW: np.ndarray) -> Radiograph:
    return Radiograph(grey_HW, grey_HW.shape[1], grey_HW.shape[0], "L", 8, "PNG", 0.0).cropped()


def test_runs_of_one_grey_are_counted_by_hand() -> None:
    """A bar of a tenth of the height counts as such; black and white bars, and shorter runs, count as nothing."""
    film_HW = np.random.default_rng(0).integers(0, 256, (320, 400), dtype=np.uint8)
    bar_HW = film_HW.copy()
    bar_HW[:32] = 90
    assert drawn_share(bar_HW, 255.0) == pytest.approx(0.1, abs=0.05)
    for grey in (0, 255):
        bar_HW[:32] = grey
        assert drawn_share(bar_HW, 255.0) == 0
    assert drawn_share(film_HW, 255.0) == 0
    assert drawn_share((film_HW / 255).astype(np.float32)) == 0


@pytest.mark.parametrize("kind", IN_A_VIEWER)
def test_a_viewers_screen_is_doubtful(kind: str) -> None:
    """Whatever its frame and number of windows, the reason names the viewer."""
    film_HW = film_of_noise()
    assert doubts_about(radiograph(film_HW)) == ()
    screen_HW = IN_A_VIEWER[kind](film_HW, np.random.default_rng(1))
    assert any("viewer" in str(doubt) for doubt in doubts_about(radiograph(screen_HW)))


def test_a_wide_border_is_doubtful() -> None:
    """An image of which much is border is cropped, and a person decides; a narrow border leaves no doubt."""
    page_HW = np.zeros((600, 600), np.uint8)
    page_HW[150:450, 150:450] = film_of_noise()[:300, :300]
    assert any("within its border" in str(doubt) for doubt in doubts_about(radiograph(page_HW)))
    assert doubts_about(radiograph(np.pad(film_of_noise(), 20))) == ()


def test_native_films_are_not_doubtful(real_data: Path) -> None:
    """On real images not nearly so much lies in runs of one grey."""
    films = sorted((real_data / "originals").rglob("*.jpeg"))[::20]
    shares = [drawn_share(film.grey_HW, film.white) for film in map(read_radiograph, films)]
    assert max(shares) < MOST_DRAWN / 2


def film_of_noise() -> np.ndarray:
    draw = np.random.default_rng(2)
    return np.clip(draw.normal(120, 30, (400, 440)), 20, 235).astype(np.uint8)
