"""Films decoded once and kept at the size that training needs.

Shapes: N films, S pixels a side.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import numpy as np

from core.cohort.manifest import Cohort
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square

CACHE_FORMAT = 1


@dataclass(frozen=True)
class PixelCache:
    """8-bit films `pixels_NSS`, memory-mapped, and the row of each content hash and file."""

    pixels_NSS: np.ndarray
    row_of_file: dict[str, int]

    def index_of(self, file: str) -> int:
        """Return the row of a film."""
        return self.row_of_file[file]

    @classmethod
    def open_or_build(
        cls,
        cohort: Cohort,
        files: Sequence[str],
        size: int,
        cache_folder: Path,
        progress: Callable[[int, int], None] | None = None,
    ) -> "PixelCache":
        """Return the cache of these films, decoding each once if it is not there yet.

        It is named after the films' contents and the size, so that it is never out of date, and appears
        whole or not at all.
        """
        hash_of = dict(zip(cohort.manifest["file"], cohort.manifest["content_hash"], strict=True))
        file_of = {hash_of[file]: file for file in sorted(files)}
        hashes = sorted(file_of)
        key = hashlib.sha256(json.dumps([CACHE_FORMAT, size, hashes]).encode()).hexdigest()[:24]
        path = cache_folder / "pixels" / f"{key}.npy"
        if not path.exists():
            _build(path, [cohort.root / file_of[content] for content in hashes], size, progress)
        row_of_hash = {content: row for row, content in enumerate(hashes)}
        pixels_NSS = np.load(path, mmap_mode="r")
        return cls(pixels_NSS, {file: row_of_hash[hash_of[file]] for file in files})


def _build(path: Path, sources: list[Path], size: int, progress: Callable[[int, int], None] | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)

    def decode(source: Path) -> np.ndarray:
        pixels_HW = read_radiograph(source, shortest_side=2 * size).pixels_HW
        return np.round(resize_to_square(pixels_HW, size) * 255).astype(np.uint8)

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        temporary = Path(folder) / path.name
        shape = (len(sources), size, size)
        target_NSS = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        with ThreadPoolExecutor(cpu_count() or 1) as pool:
            for row, film_SS in enumerate(pool.map(decode, sources)):
                target_NSS[row] = film_SS
                if progress and (row % 100 == 99 or row + 1 == len(sources)):
                    progress(row + 1, len(sources))
        target_NSS.flush()
        del target_NSS
        temporary.replace(path)
