"""Manifests kept between visits, so that an unchanged dataset is not read again."""

import hashlib
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.dataset.layout import list_films
from core.dataset.manifest import (
    MANIFEST_COLUMNS,
    MAX_FILE_BYTES,
    TEXT_COLUMNS,
    Cohort,
    index_listing,
    is_settled,
    manifest_frame,
)
from core.progress import OnCount
from core.radiograph.image_format import Pseudonym

MANIFEST_FORMAT = 4
_SCHEMA = pa.schema([(name, pa.string() if name in TEXT_COLUMNS else pa.int64()) for name in MANIFEST_COLUMNS])
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    """A manifest as it was kept, and the key of the listing it was made from."""

    manifest: pd.DataFrame
    fingerprint: str
    listing_key: str


def load_or_index(
    root: Path,
    cache_folder: Path,
    progress: OnCount | None = None,
    num_threads: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
    pseudonym: Pseudonym | None = None,
) -> Cohort:
    """Return the dataset of a folder, reading only files that are new or changed since the last visit.

    `pseudonym` is as in `index_listing`. Raises CohortError if the folder cannot serve; a manifest that cannot be saved
    only costs the time of the next visit.
    """
    root = root.resolve()
    listing = list_films(root)
    path = manifest_path(root, cache_folder)
    kept = _read(path)
    listing_key = listing.key()
    if kept is not None and kept.listing_key == listing_key:
        return Cohort(root, kept.manifest, kept.fingerprint, listing.oddities)
    previous = None if kept is None else kept.manifest
    cohort = index_listing(
        root,
        listing,
        previous=previous,
        progress=progress,
        num_threads=num_threads,
        max_file_bytes=max_file_bytes,
        pseudonym=pseudonym,
    )
    # Without a key the next visit tries the files again that could not be opened at this one.
    kept = _Kept(cohort.manifest, cohort.fingerprint, listing_key if is_settled(cohort.manifest) else "")
    try:
        _write(kept, path)
    except OSError as error:
        _log.warning("The index of %s could not be saved (%s): it will be made again.", root, error)
    return cohort


def kept_manifest(root: Path, cache_folder: Path) -> pd.DataFrame | None:
    """Return the manifest of a folder as it was at the last visit, without looking at the folder; None if none is."""
    kept = _read(manifest_path(root, cache_folder))
    return None if kept is None else kept.manifest


def manifest_path(root: Path, cache_folder: Path) -> Path:
    """Return where the manifest of a folder is kept."""
    name = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return cache_folder / "manifests" / f"{name}-{MANIFEST_FORMAT}.parquet"


def _write(kept: _Kept, path: Path) -> None:
    """Put the table in place whole: another process may read or write it at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = {"fingerprint": kept.fingerprint, "listing_key": kept.listing_key}
    table = pa.Table.from_pandas(kept.manifest, schema=_SCHEMA, preserve_index=False).replace_schema_metadata(notes)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        temporary = Path(folder) / path.name
        pq.write_table(table, temporary)
        temporary.replace(path)


def _read(path: Path) -> _Kept | None:
    """Return what was kept, or None if there is nothing or it is damaged: reading the folder again then mends it."""
    try:
        with pq.ParquetFile(path) as kept:
            schema = kept.schema_arrow
            notes = schema.metadata or {}
            if not schema.equals(_SCHEMA) or not {b"fingerprint", b"listing_key"} <= notes.keys():
                return None
            table = kept.read(use_threads=False)
    except (OSError, pa.ArrowException):
        return None
    manifest = manifest_frame({name: table[name].to_numpy() for name in MANIFEST_COLUMNS})
    return _Kept(manifest, notes[b"fingerprint"].decode(), notes[b"listing_key"].decode())
