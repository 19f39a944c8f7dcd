"""Manifests kept between visits, so that an unchanged cohort is not read again."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from core.cohort.manifest import MANIFEST_COLUMNS, Cohort, index_cohort

MANIFEST_FORMAT = 1


def load_or_index(
    root: Path, cache_folder: Path, progress: Callable[[int, int], None] | None = None, num_threads: int = 0
) -> Cohort:
    """Return the cohort of a folder, reading only files that are new or changed since the last visit."""
    path = manifest_path(root, cache_folder)
    previous = _read(path)
    cohort = index_cohort(root, previous=previous, progress=progress, num_threads=num_threads)
    if previous is None or not previous.equals(cohort.manifest):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        cohort.manifest.to_parquet(temporary, index=False)
        temporary.replace(path)
    return cohort


def manifest_path(root: Path, cache_folder: Path) -> Path:
    """Return where the manifest of a folder is kept."""
    name = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return cache_folder / "manifests" / f"{name}-{MANIFEST_FORMAT}.parquet"


def _read(path: Path) -> pd.DataFrame | None:
    try:
        manifest = pd.read_parquet(path)
    except (OSError, ValueError):
        return None  # None kept yet, or a damaged one: the folder is read again, which mends it.
    if list(manifest.columns) != list(MANIFEST_COLUMNS):
        return None
    return manifest.astype(object).where(manifest.notna(), None)
