"""The checks refuse what cannot be an image, each with its reason, and never a real image."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import UnusableFilmError
from core.radiograph.film_checks import check_film, edges, flat_share, grey_levels, roughness, spread
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import Radiograph, read_radiograph
from core.radiograph.rejection import RejectionReason as Reason
from tests.hostile_files import encoded, screenshot


def radiograph(pixels_HW: np.ndarray, colourfulness: float = 0.0) -> Radiograph:
    height, width = pixels_HW.shape
    return Radiograph(pixels_HW.astype(np.float32), width, height, "L", 8, "PNG", colourfulness)


def verdict(subject: Radiograph | bytes) -> str:
    """The reason of the refusal, or `film`."""
    try:
        check_film(read_radiograph(subject, shortest_side=448) if isinstance(subject, bytes) else subject)
    except UnusableFilmError as error:
        assert len(error.sentence) > 20
        return str(error.reason)
    return "film"


def phantom() -> np.ndarray:
    return synthesise_phantom(1, size=300) / 255


def on_black_page(pixels_HW: np.ndarray) -> np.ndarray:
    """The image in the middle of a black page of twice its area, extended along its shorter side."""
    margins = [(0, 0), (0, 0)]
    shorter = int(np.argmin(pixels_HW.shape))
    margins[shorter] = (pixels_HW.shape[shorter] // 2,) * 2
    return np.pad(pixels_HW, margins)


def test_measures_of_pictures_computed_by_hand() -> None:
    """Spread, roughness, flat share and edges of small patterns are what a pencil finds."""
    halves_HW = np.repeat(np.float32([[0.2, 0.8]]), 48, axis=0).repeat(24, axis=1)
    levels = grey_levels(halves_HW)
    assert levels.sum() == pytest.approx(1) and levels[51] == levels[204] == pytest.approx(0.5)
    assert spread(levels) == pytest.approx((204 - 51) / 255)
    assert flat_share(levels) == pytest.approx(0.5)
    assert roughness(halves_HW) == pytest.approx(0.6 / 47 / 0.3, rel=1e-5)
    assert edges(halves_HW, levels) == pytest.approx((1 / 47) / 0.5, rel=1e-5)


def test_black_surroundings_are_not_flat() -> None:
    """The share of the commonest level leaves out black, which is the air around an image."""
    three_quarters_black_HW = np.zeros((64, 64), np.float32)
    three_quarters_black_HW[:, 48:] = 0.5
    assert flat_share(grey_levels(three_quarters_black_HW)) == pytest.approx(0.25)
    assert flat_share(grey_levels(three_quarters_black_HW + 0.1)) == pytest.approx(0.75)


def test_an_eight_bit_film_and_its_sixteen_bit_twin_have_the_same_measures() -> None:
    """Every check sees the same levels and steps, whether grey values are kept as bytes or as fractions."""
    film_HW = np.arange(256, dtype=np.uint8).repeat(9).reshape(48, 48)
    byte, wide = read_radiograph(encoded(film_HW)), read_radiograph(encoded(film_HW.astype(np.uint16) * 257))
    assert (byte.white, wide.white) == (255, 1)
    measures = []
    for film in (byte, wide):
        values_HW = film.grey_HW
        levels = grey_levels(values_HW, film.white)
        measures.append([*levels, roughness(values_HW), edges(values_HW, levels, film.white)])
    assert measures[0] == pytest.approx(measures[1], abs=1e-6)


def test_white_noise_is_as_rough_as_theory_says() -> None:
    """For independent normal pixels the mean step over the deviation is 2 / sqrt(pi)."""
    noise_HW = np.random.default_rng(0).normal(0.5, 0.05, (800, 800)).astype(np.float32)
    assert roughness(noise_HW) == pytest.approx(2 / np.sqrt(np.pi), rel=0.01)


def test_size_and_shape_have_limits() -> None:
    """64 pixels and four to one are just enough; one pixel less or more is not."""
    film = Image.fromarray(synthesise_phantom(1, size=300))

    def resized(width: int, height: int) -> str:
        return verdict(encoded(film.resize((width, height))))

    assert resized(64, 64) == "film" and resized(256, 64) == "film" and resized(64, 256) == "film"
    assert resized(63, 200) == resized(200, 63) == verdict(encoded(np.zeros((1, 1), np.uint8))) == Reason.TOO_SMALL
    assert resized(257, 64) == resized(70, 281) == Reason.ODD_SHAPE


def test_size_is_that_of_the_file_and_not_of_its_reduction() -> None:
    """A large image decoded small is evaluated by what it was."""
    reduced = Radiograph(phantom().astype(np.float32)[:50, :50], 2000, 2000, "L", 8, "JPEG", 0.0)
    assert verdict(reduced) == "film"


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee", "rocket", "immunohistochemistry", "hubble_deep_field"])
def test_colour_photographs_are_refused(name: str) -> None:
    """Real photographs in colour, dark and dull ones too, as PNG and as JPEG."""
    photograph = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    assert verdict(encoded(photograph)) == verdict(encoded(photograph, "JPEG", quality=70)) == Reason.COLOUR


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_more_colour_photographs_are_refused(name: str) -> None:
    """The same for the pictures of another package."""
    assert verdict(encoded(sklearn.datasets.load_sample_image(name), "JPEG")) == Reason.COLOUR


@pytest.mark.parametrize(("background", "text", "bar"), [(255, 0, 200), (200, 20, 120), (30, 220, 60), (0, 255, 20)])
def test_grey_screenshots_are_refused(background: int, text: int, bar: int) -> None:
    """Light, grey, dark and black screens, whole, scaled down, and as JPEG."""
    screen = screenshot(background, text, bar)
    forms = [encoded(screen), encoded(screen.resize((400, 250))), encoded(screen, "JPEG", quality=75)]
    assert [verdict(form) for form in forms] == [Reason.SCREENSHOT] * 3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(64, 500), st.integers(15, 90), st.booleans())
def test_noise_is_never_a_film(seed: int, side: int, deviation: int, as_jpeg: bool) -> None:
    """Grey noise of any size and strength, saved without or with loss, is refused as noise."""
    noise_HW = np.random.default_rng(seed).normal(128, deviation, (side, side)).clip(0, 255).astype(np.uint8)
    assert verdict(encoded(noise_HW, "JPEG" if as_jpeg else "PNG")) == Reason.NOISE


def test_noise_that_was_smoothed_a_little_is_refused() -> None:
    """The mean of two neighbours of noise still has a roughness of 0.8, three times that of any image."""
    noise_HW = np.random.default_rng(0).normal(0.5, 0.15, (300, 301)).clip(0, 1)
    smoothed_HW = (noise_HW[:, 1:] + noise_HW[:, :-1]) / 2
    assert roughness(smoothed_HW) == pytest.approx(np.sqrt(2 / np.pi), rel=0.02)
    assert verdict(radiograph(smoothed_HW)) == Reason.NOISE


def test_a_drawing_of_flat_areas_is_refused() -> None:
    """Two fifths of exactly one bright grey are more than any image has, whatever the rest is; a tenth is not."""
    film_HW = 0.1 + 0.8 * phantom()
    assert verdict(radiograph(film_HW)) == "film"
    for share, expected in ((0.4, Reason.SCREENSHOT), (0.1, "film")):
        covered_HW = film_HW.copy()
        covered_HW[: int(share * 300)] = 0.7
        assert verdict(radiograph(covered_HW)) == expected


def test_colour_noise_is_refused() -> None:
    """Noise of all colours is no image, as PNG and as JPEG."""
    noise_HW3 = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    assert verdict(encoded(noise_HW3)) == verdict(encoded(noise_HW3, "JPEG")) == Reason.COLOUR


@given(st.integers(0, 255), st.integers(64, 200), st.integers(64, 200))
def test_one_grey_value_is_blank(value: int, width: int, height: int) -> None:
    """A picture of one value is blank, whichever value it is."""
    assert verdict(radiograph(np.full((height, width), value / 255))) == Reason.BLANK


def test_a_blank_film_with_grain_and_a_marker_is_blank() -> None:
    """Neither the grain of a detector nor a side marker makes an exposure of nothing an image."""
    film_HW = np.random.default_rng(0).normal(0.2, 0.008, (700, 800))
    film_HW[20:60, 20:60] = 1
    assert verdict(radiograph(film_HW)) == Reason.BLANK


@pytest.mark.parametrize("seed", range(4))
def test_drawn_films_pass(seed: int) -> None:
    """Phantoms pass as they are, faint, inverted, and on a black page."""
    film_HW = synthesise_phantom(seed, size=300, opacity=bool(seed % 2)) / 255
    for version_HW in (film_HW, 0.3 + 0.3 * film_HW, 1 - film_HW, on_black_page(film_HW)):
        assert verdict(radiograph(version_HW)) == "film"


def test_no_native_film_is_refused(real_data: Path) -> None:
    """Every real image at native resolution passes, decoded as triage decodes it and laid on a black page too."""
    paths = sorted((real_data / "originals").rglob("*.jpeg"))
    assert len(paths) >= 200
    refused = []
    for path in paths:
        film = read_radiograph(path, shortest_side=448)
        page = radiograph(on_black_page(film.pixels_HW))
        refused += [(path.name, why) for why in (verdict(film), verdict(page)) if why != "film"]
    assert refused == []


def test_no_film_of_the_cohort_is_refused(real_data: Path) -> None:
    """Real images of every split pass; of the training split, which is large, every tenth is looked at."""
    cohort = real_data / "chest_xray"
    paths = [*sorted((cohort / "train").rglob("*.jpeg"))[::10]]
    paths += [path for split in ("val", "test") for path in sorted((cohort / split).rglob("*.jpeg"))]
    assert len(paths) > 800
    assert [path.name for path in paths if verdict(read_radiograph(path)) != "film"] == []
