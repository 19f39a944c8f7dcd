"""Images decoded once and kept at the size that training needs.

Shapes: N images, S pixels a side.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.dataset.file_batches import map_in_batches
from core.dataset.manifest import Cohort
from core.errors import CohortError, RadiographError
from core.language import tr
from core.progress import OnCount
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square

CACHE_FORMAT = 3
"""Goes up whenever the same file may be decoded to other pixels than before."""


@dataclass(frozen=True)
class PixelCache:
    """8-bit images `pixels_NSS`, memory-mapped, and the row of each file; copies of an image share a row."""

    pixels_NSS: np.ndarray
    row_of_file: dict[str, int]

    def index_of(self, file: str) -> int:
        """Return the row of an image."""
        return self.row_of_file[file]

    @classmethod
    def open_or_build(
        cls,
        cohort: Cohort,
        files: Sequence[str],
        size: int,
        cache_folder: Path,
        progress: OnCount | None = None,
    ) -> "PixelCache":
        """Return the cache of these images, decoding each once if it is not there yet.

        It is named after the images' contents and the size, so that it is never out of date, and appears whole or
        not at all, also when two processes build it at once; a damaged one is built again. Raises CohortError if
        there is nothing to cache, or an image has changed since the dataset was indexed.
        """
        hash_of = _content_hashes(cohort, files)
        file_of = {hash_of[file]: file for file in sorted(files)}
        hashes = sorted(file_of)
        key = hashlib.sha256(json.dumps([CACHE_FORMAT, size, hashes]).encode()).hexdigest()[:24]
        path = cache_folder / "pixels" / f"{key}.npy"
        shape = (len(hashes), size, size)
        pixels_NSS = _open(path, shape)
        if pixels_NSS is None:
            _build(path, [(cohort.root / file_of[content], content) for content in hashes], size, progress)
            pixels_NSS = _open(path, shape)
        if pixels_NSS is None:
            raise CohortError(
                tr("The pixel cache {path} was written but cannot be read back. Check the disk it lies on.", path=path)
            )
        row_of_hash = {content: row for row, content in enumerate(hashes)}
        return cls(pixels_NSS, {file: row_of_hash[hash_of[file]] for file in files})


def _content_hashes(cohort: Cohort, files: Sequence[str]) -> dict[str, str]:
    films = cohort.select()
    hash_of = dict(zip(films["file"], films["content_hash"], strict=True))
    strange = [file for file in files if file not in hash_of]
    if strange:
        raise CohortError(
            tr(
                "{file!r} is no usable image of {root}. Index the folder again and split it again.",
                file=strange[0],
                root=cohort.root,
            )
        )
    if not files:
        raise CohortError(tr("No image of {root} was chosen, so there is nothing to decode.", root=cohort.root))
    return {file: hash_of[file] for file in files}


def _open(path: Path, shape: tuple[int, int, int]) -> np.ndarray | None:
    """Map the cache into memory, or return None if there is none or it is cut short or foreign."""
    try:
        pixels_NSS = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError):
        return None
    return pixels_NSS if pixels_NSS.shape == shape and pixels_NSS.dtype == np.uint8 else None


def _decode(source: Path, content_hash: str, size: int) -> np.ndarray:
    try:
        content = source.read_bytes()
        if hashlib.sha256(content).hexdigest() != content_hash:
            raise CohortError(
                tr("{source} has changed since the dataset was indexed. Index the folder again.", source=source)
            )
        pixels_HW = read_radiograph(content, shortest_side=2 * size).pixels_HW
    except OSError as error:
        raise CohortError(
            tr(
                "{source} cannot be read any more ({strerror}). Index the folder again.",
                source=source,
                strerror=error.strerror,
            )
        ) from error
    except RadiographError as error:
        raise CohortError(
            tr(
                "{source} cannot be decoded: {sentence}. Index the folder again.",
                source=source,
                sentence=error.sentence,
            )
        ) from error
    return np.round(resize_to_square(pixels_HW, size) * 255).astype(np.uint8)


def _build(path: Path, sources: list[tuple[Path, str]], size: int, progress: OnCount | None) -> None:
    """Write the cache in a folder of this process alone and move it into place once it is whole and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        temporary = Path(folder) / path.name
        shape = (len(sources), size, size)
        target_NSS = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        films = map_in_batches(lambda source: _decode(*source, size), sources, progress=progress)
        for row, film_SS in enumerate(films):
            target_NSS[row] = film_SS
        target_NSS.flush()
        del target_NSS
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
