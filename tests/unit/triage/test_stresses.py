"""Every stress does what its description says, and the report says how far answers moved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.evaluation.operating_point import OperatingPoint
from core.services.evaluation.predictions import LabelledFilms
from core.services.evaluation.robustness import judge_stresses
from core.triage.stresses import STRESSES, bend, blur, crop, letterbox, mask_corners, occlude, rotate, small_copy

POINT = OperatingPoint(
    name="half", threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, rule="by hand", chosen_on="nothing"
)


def film(height: int = 120, width: int = 100) -> np.ndarray:
    """Return a smooth image without any black pixel."""
    rows_H1, columns_1W = np.arange(height)[:, None], np.arange(width)[None, :]
    return (60 + 90 * rows_H1 / height + 60 * columns_1W / width).astype(np.uint8)


def source() -> np.random.Generator:
    """Return a seeded source of chance."""
    return np.random.default_rng(3)


@pytest.mark.parametrize("stress", STRESSES, ids=lambda stress: stress.name)
@pytest.mark.parametrize("shape", [(120, 100), (65, 64), (300, 90)])
def test_every_stress_gives_a_film_and_leaves_the_one_it_was_given(stress, shape) -> None:
    """A stress returns 8-bit grey of two dimensions, changes nothing in place and does the same when asked again."""
    given_HW = film(*shape)
    kept_HW = given_HW.copy()
    first_HW, second_HW = stress.change(given_HW, source()), stress.change(given_HW, source())
    assert first_HW.dtype == np.uint8 and first_HW.ndim == 2
    assert (given_HW == kept_HW).all() and (first_HW == second_HW).all()


def test_names_are_unique_and_only_inversion_is_no_harmless_change() -> None:
    """Reports are keyed by name, and an inverted image is reported apart."""
    assert len({stress.name for stress in STRESSES}) == len(STRESSES)
    assert [stress.name for stress in STRESSES if not stress.is_harmless] == ["inverted"]


@given(st.integers(64, 200), st.integers(64, 200))
def test_corners_are_black_and_nothing_else(height: int, width: int) -> None:
    """Exactly four blocks of 15 % of the sides become black."""
    masked_HW = mask_corners(film(height, width), source(), share=0.15)
    rows, columns = round(0.15 * height), round(0.15 * width)
    assert (masked_HW == 0).sum() == 4 * rows * columns
    assert not masked_HW[:rows, :columns].any() and not masked_HW[-rows:, -columns:].any()


def test_changes_of_no_strength_change_nothing() -> None:
    """Gamma 1, no crop, no rotation and a vanishing blur give the image back."""
    given_HW = film()
    for same_HW in (
        bend(given_HW, source(), gamma=1.0),
        crop(given_HW, source(), share=0.0),
        rotate(given_HW, source(), degrees=0),
        blur(given_HW, source(), sigma=0.0),
    ):
        assert (same_HW == given_HW).all()


def test_crop_letterbox_and_copy_have_the_sizes_they_promise() -> None:
    """10 % off each border of 120 by 100 leaves 96 by 80; a letterbox is square with black beside; a copy is 224."""
    given_HW = film()
    assert crop(given_HW, source(), share=0.1).shape == (96, 80)
    boxed_HW = letterbox(given_HW, source())
    assert boxed_HW.shape == (120, 120)
    assert not boxed_HW[:, :10].any() and (boxed_HW[:, 10:110] == given_HW).all()
    assert small_copy(given_HW, source(), Image.Resampling.BOX).shape == (224, 224)


@given(st.integers(0, 2**32 - 1))
def test_patches_cover_between_one_and_three_of_their_size(seed: int) -> None:
    """Three patches of a tenth of the sides cover at most three hundredths of the image, and at least one."""
    covered = (occlude(film(), np.random.default_rng(seed), num_patches=3, share=0.1) == 0).sum()
    assert 12 * 10 <= covered <= 3 * 12 * 10


def test_what_moved_is_counted_by_hand() -> None:
    """Of four images one crosses the threshold under the first stress: a quarter of decisions, AUC from 1 to 0.75."""
    names = ("a", "b", "c", "d")
    films = LabelledFilms(names, np.array([0, 0, 1, 1]), ("",) * 4, ("",) * 4, names)
    clean_N = np.array([0.1, 0.3, 0.7, 0.9])
    probabilities_NS = np.repeat(clean_N[:, None], 1 + len(STRESSES), axis=1)
    probabilities_NS[:, 1] = [0.1, 0.8, 0.7, 0.9]
    results = judge_stresses(films, probabilities_NS, POINT)
    moved = results[STRESSES[0].name]
    assert (moved.num_flips, moved.decision_flips) == (1, 0.25)
    assert moved.mean_abs_probability_change == pytest.approx(0.125)
    assert (moved.auc, moved.auc_change) == (pytest.approx(0.75), pytest.approx(-0.25))
    still = results[STRESSES[1].name]
    assert (still.auc, still.num_flips, still.mean_abs_probability_change) == (1.0, 0, 0.0)
