"""Synthetic images look like chests to the code: repeatable, alike but not the same, the opacity where it should be."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import RadiographError
from core.radiograph.film_checks import check_film
from core.radiograph.phantom import synthesise_phantom, write_phantom_folder
from core.radiograph.reading import read_radiograph


def test_a_seed_draws_one_film() -> None:
    """The same seed gives the same picture, another seed another one, in the size asked for."""
    first = synthesise_phantom(3, size=128)
    assert first.dtype == np.uint8 and first.shape == (128, 128)
    np.testing.assert_array_equal(first, synthesise_phantom(3, size=128))
    assert np.abs(first.astype(int) - synthesise_phantom(4, size=128)).mean() > 2


@pytest.mark.parametrize("seed", range(5))
def test_anatomy_has_its_grey_values(seed: int) -> None:
    """Lungs are darker than heart and belly, both of them, and the corners are black."""
    film_HW = synthesise_phantom(seed, size=256).astype(float)
    right_lung, left_lung = film_HW[90:130, 50:85].mean(), film_HW[60:100, 180:205].mean()
    heart, belly, corner = film_HW[150:170, 135:165].mean(), film_HW[225:250, 100:150].mean(), film_HW[:20, :20].mean()
    assert max(right_lung, left_lung) + 40 < min(heart, belly)
    assert corner < 30


@pytest.mark.parametrize("seed", range(8))
def test_an_opacity_brightens_one_lung(seed: int) -> None:
    """With an opacity one lung is brighter on average than without, much more so than the other one."""
    clear = synthesise_phantom(seed, size=256).astype(float)
    hazy = synthesise_phantom(seed, size=256, opacity=True).astype(float)
    sides = [(hazy - clear)[50:180, columns].mean() for columns in (slice(30, 105), slice(151, 226))]
    assert max(sides) > 8 and max(sides) > 3 * abs(min(sides))


def shown(folder: Path) -> list[Path]:
    """The files of a folder that are not hidden: one hidden file marks synthetic images as such."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def test_a_folder_holds_films_and_what_is_none(tmp_path: Path) -> None:
    """All images of a folder pass the checks, PNG and JPEG; of the other files none does."""
    paths = write_phantom_folder(tmp_path / "phantoms", 4, seed=1, with_hostile=True)
    assert sorted(paths) == shown(tmp_path / "phantoms")
    films, others = paths[:4], paths[4:]
    assert {path.suffix for path in films} == {".png", ".jpg"}
    for path in films:
        check_film(read_radiograph(path))
    assert len(others) == 4
    for path in others:
        with pytest.raises(RadiographError):
            check_film(read_radiograph(path))


def test_a_folder_without_other_files_holds_films_alone(tmp_path: Path) -> None:
    """Hostile files are written on demand only."""
    assert len(write_phantom_folder(tmp_path, 2)) == len(shown(tmp_path)) == 2
