"""The pixel cache: each image decoded once, rightly, and never half a cache."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.dataset import pixel_cache
from core.dataset.manifest import Cohort
from core.dataset.pixel_cache import PixelCache
from core.errors import CohortError
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square
from tests.unit.dataset.small_cohorts import index_cohort, write_film, write_standard_cohort


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """An indexed small dataset with two large images and one that stands twice."""
    root = write_standard_cohort(tmp_path / "standard")
    write_film(root / "train/NORMAL/large.jpg", 7, side=200)
    write_film(root / "train/NORMAL/large.png", 7, side=200)
    (root / "train/NORMAL/twice.png").write_bytes((root / "train/NORMAL/large.png").read_bytes())
    return index_cohort(root)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The content hashes of the images that the cache decodes from now on."""
    hashes: list[str] = []

    def noting(content: bytes, **options: int) -> object:
        hashes.append(hashlib.sha256(content).hexdigest())
        return read_radiograph(content, **options)

    monkeypatch.setattr(pixel_cache, "read_radiograph", noting)
    return hashes


def files_of(cohort: Cohort) -> list[str]:
    return cohort.select()["file"].tolist()


def cache_file(folder: Path) -> Path:
    (path,) = (folder / "pixels").iterdir()
    return path


def test_each_content_is_decoded_once(cohort: Cohort, tmp_path: Path, decoded: list[str]) -> None:
    """Building decodes each content once, copies share a row, and access again decodes nothing."""
    steps: list[tuple[int, int]] = []
    cache = PixelCache.open_or_build(cohort, files_of(cohort), 16, tmp_path, lambda *step: steps.append(step))
    assert sorted(decoded) == sorted(set(cohort.manifest["content_hash"])) and len(decoded) == len(files_of(cohort)) - 1
    assert steps == [(16, 16)]
    assert cache.index_of("train/NORMAL/large.png") == cache.index_of("train/NORMAL/twice.png")
    again = PixelCache.open_or_build(cohort, files_of(cohort)[::-1], 16, tmp_path)
    assert len(decoded) == 16
    assert np.array_equal(again.pixels_NSS, cache.pixels_NSS) and again.row_of_file == cache.row_of_file
    assert isinstance(again.pixels_NSS, np.memmap) and not again.pixels_NSS.flags.writeable


@pytest.mark.parametrize("size", [8, 24, 64])
def test_films_are_resized_as_everywhere(cohort: Cohort, tmp_path: Path, size: int) -> None:
    """Each row is its image, read and brought to the square by resize_to_square, rounded to 8 bits."""
    cache = PixelCache.open_or_build(cohort, files_of(cohort), size, tmp_path)
    assert cache.pixels_NSS.shape == (16, size, size) and cache.pixels_NSS.dtype == np.uint8
    for file in files_of(cohort):
        film = read_radiograph(cohort.root / file, shortest_side=2 * size)
        expected = np.round(255 * resize_to_square(film.pixels_HW, size))
        assert np.array_equal(cache.pixels_NSS[cache.index_of(file)], expected), file
    if size == 24:
        exact = read_radiograph(cohort.root / "train/NORMAL/IM-0001-0001.jpeg").pixels_HW
        row = cache.pixels_NSS[cache.index_of("train/NORMAL/IM-0001-0001.jpeg")]
        assert np.array_equal(row, np.round(255 * exact))


@pytest.mark.parametrize("damage", ["cut", "head", "empty", "text", "foreign"])
def test_a_damaged_cache_is_built_again(cohort: Cohort, tmp_path: Path, damage: str) -> None:
    """A cache file that is cut short, overwritten or of another kind is replaced by a right one."""
    expected = np.array(PixelCache.open_or_build(cohort, files_of(cohort), 16, tmp_path).pixels_NSS)
    path = cache_file(tmp_path)
    content = path.read_bytes()
    if damage == "foreign":
        np.save(path, np.zeros((3, 16, 16), np.uint8))
    else:
        damaged = {"cut": content[:-1], "head": content[:40], "empty": b"", "text": b"no array" * 99}
        path.write_bytes(damaged[damage])
    cache = PixelCache.open_or_build(cohort, files_of(cohort), 16, tmp_path)
    assert np.array_equal(cache.pixels_NSS, expected)


def test_another_size_or_choice_is_another_cache(cohort: Cohort, tmp_path: Path) -> None:
    """Sizes and choices of images are kept side by side, each with its own rows."""
    for size, files in ((8, files_of(cohort)), (16, files_of(cohort)), (8, files_of(cohort)[:5])):
        cache = PixelCache.open_or_build(cohort, files, size, tmp_path)
        assert cache.pixels_NSS.shape == (len({*cache.row_of_file.values()}), size, size)
    assert len(list((tmp_path / "pixels").iterdir())) == 3


def test_a_film_that_changed_since_it_was_indexed(cohort: Cohort, tmp_path: Path) -> None:
    """A changed or vanished image ends in a sentence with its name, and leaves no cache behind."""
    path = write_film(cohort.root / "train/NORMAL/large.jpg", 8, side=200)
    with pytest.raises(CohortError, match=r"large\.jpg has changed since"):
        PixelCache.open_or_build(cohort, files_of(cohort), 16, tmp_path)
    path.unlink()
    with pytest.raises(CohortError, match=r"large\.jpg cannot be read any more"):
        PixelCache.open_or_build(cohort, files_of(cohort), 16, tmp_path)
    assert list((tmp_path / "pixels").iterdir()) == []


def test_films_that_are_not_there_to_cache(cohort: Cohort, tmp_path: Path) -> None:
    """No image, and one that is no usable image of the dataset, end in a sentence."""
    with pytest.raises(CohortError, match="nothing to decode"):
        PixelCache.open_or_build(cohort, [], 16, tmp_path)
    with pytest.raises(CohortError, match=r"'other\.png' is no usable image"):
        PixelCache.open_or_build(cohort, ["other.png"], 16, tmp_path)


def test_two_processes_at_once(cohort: Cohort, tmp_path: Path) -> None:
    """Two processes that build the same cache at the same moment both get it whole, and one file remains."""
    code = (
        "import sys; from pathlib import Path; from tests.unit.dataset.small_cohorts import index_cohort;"
        "from core.dataset.pixel_cache import PixelCache; c = index_cohort(Path(sys.argv[1]));"
        "print('ready', flush=True); sys.stdin.readline();"
        "p = PixelCache.open_or_build(c, c.select()['file'].tolist(), 128, Path(sys.argv[2])).pixels_NSS;"
        "print(p.shape, int(p.sum()))"
    )
    command = [sys.executable, "-c", code, str(cohort.root), str(tmp_path / "shared")]
    pipes = {
        "cwd": Path(__file__).resolve().parents[3],
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    alone = PixelCache.open_or_build(cohort, files_of(cohort), 128, tmp_path / "alone").pixels_NSS
    assert printed == {f"{alone.shape} {int(alone.sum())}\n"}
    assert cache_file(tmp_path / "shared").suffix == ".npy"
