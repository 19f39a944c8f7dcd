"""Where a film's label and split are written: in its folders, or in a metadata.csv."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from core.errors import CohortError

METADATA_FILE = "metadata.csv"
METADATA_COLUMNS = ("file", "label", "patient_id", "split", "view", "age", "sex")
LABELS = {"normal": "normal", "pneumonia": "pneumonia"}
SPLITS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test"}
PICTURE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif"}


@dataclass(frozen=True)
class FilmFile:
    """One file below the cohort's root and what its place or the metadata say of it."""

    file: str
    num_bytes: int
    modified_ns: int
    label: str | None
    split: str | None
    patient: str | None = None
    problem: str | None = None


def list_films(root: Path) -> list[FilmFile]:
    """Return every picture file below `root`, sorted by name; raises CohortError if there is none."""
    if not root.is_dir():
        raise CohortError(f"{root} is no folder. Give the folder that holds the films.")
    metadata = _read_metadata(root)
    found = sorted(_walk(root), key=lambda entry: entry[0])
    films = [
        _with_metadata(file, status, metadata) if metadata is not None else _by_folders(file, status)
        for file, status in found
    ]
    if metadata is not None:
        films += [
            FilmFile(file, 0, 0, None, None, problem="missing_file")
            for file in sorted(metadata.index.difference([f for f, _ in found]))
        ]
    if not films:
        raise CohortError(
            f"{root} holds no pictures. Expected films below folders like train/NORMAL and train/PNEUMONIA, "
            f"below NORMAL and PNEUMONIA, or beside a {METADATA_FILE}."
        )
    return films


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield pictures below a folder; links are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    waiting = [(root, "")]
    while waiting:
        folder, prefix = waiting.pop()
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        try:
            entries = list(os.scandir(folder))
        except PermissionError as error:
            raise CohortError(f"The folder {folder} may not be opened by this user.") from error
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                waiting.append((Path(entry.path), f"{name}/"))
            elif PurePosixPath(name).suffix.lower() in PICTURE_ENDINGS:
                try:
                    yield name, entry.stat()
                except FileNotFoundError:
                    continue  # A dangling link, or a file that went away while we looked: it is not there.


def _by_folders(file: str, status: os.stat_result) -> FilmFile:
    folders = [part.lower() for part in PurePosixPath(file).parts[:-1]]
    label = next((LABELS[part] for part in reversed(folders) if part in LABELS), None)
    split = next((SPLITS[part] for part in folders if part in SPLITS), None)
    return FilmFile(file, status.st_size, status.st_mtime_ns, label, split, problem=None if label else "no_label")


def _with_metadata(file: str, status: os.stat_result, metadata: pd.DataFrame) -> FilmFile:
    if file not in metadata.index:
        return FilmFile(file, status.st_size, status.st_mtime_ns, None, None, problem="not_in_metadata")
    row = metadata.loc[file]
    label = LABELS.get(str(row["label"]).strip().lower())
    split = SPLITS.get(str(row.get("split", "")).strip().lower())
    patient = str(row.get("patient_id", "")).strip()
    return FilmFile(
        file,
        status.st_size,
        status.st_mtime_ns,
        label,
        split,
        patient if patient not in {"", "nan"} else None,
        None if label else "no_label",
    )


def _read_metadata(root: Path) -> pd.DataFrame | None:
    path = root / METADATA_FILE
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CohortError(f"{path} is no CSV table that can be read: {str(error).splitlines()[0]}.") from error
    missing = {"file", "label"} - set(table.columns)
    if missing:
        raise CohortError(
            f"{path} lacks the column {' and '.join(sorted(missing))}. It needs file and label, "
            f"and may have {', '.join(METADATA_COLUMNS[2:])}."
        )
    repeated = table.loc[table["file"].duplicated(), "file"]
    if len(repeated):
        raise CohortError(f"{path} names {repeated.iloc[0]!r} more than once. Give each film one row.")
    return table.set_index("file")
