"""Features of images kept between visits, so that an unchanged dataset is not measured again."""

import hashlib
import logging
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.dataset.film_features import FEATURE_COLUMNS, measure_films
from core.dataset.manifest import MAX_FILE_BYTES, Cohort
from core.progress import OnCount

FEATURE_FORMAT = 3
_log = logging.getLogger(__name__)


def load_or_measure(
    cohort: Cohort,
    cache_folder: Path,
    progress: OnCount | None = None,
    num_threads: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> pd.DataFrame:
    """Return the features of a dataset's images, measuring only contents that are new since the last visit."""
    path = _path(cohort.root, cache_folder)
    kept = _read(path)
    features = measure_films(cohort, kept, progress, num_threads, max_file_bytes)
    if kept is None or len(features) != len(kept) or set(features["content_hash"]) != set(kept["content_hash"]):
        try:
            _write(features, path)
        except OSError as error:
            _log.warning("The features of %s could not be saved (%s): they will be measured again.", cohort.root, error)
    return features


def _path(root: Path, cache_folder: Path) -> Path:
    name = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return cache_folder / "features" / f"{name}-{FEATURE_FORMAT}.parquet"


def _write(features: pd.DataFrame, path: Path) -> None:
    """Put the table in place whole: another process may read or write it at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        temporary = Path(folder) / path.name
        pq.write_table(pa.Table.from_pandas(features, preserve_index=False), temporary)
        temporary.replace(path)


def _read(path: Path) -> pd.DataFrame | None:
    """Return what was kept, or None if there is nothing or it is damaged: measuring again then mends it."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    if set(table.column_names) != set(FEATURE_COLUMNS):
        return None
    return pd.DataFrame({name: table[name].to_pylist() for name in FEATURE_COLUMNS})
