"""Where an image's label and split are written: in its folders, or in a metadata.csv.

Shapes: N images.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from core.dataset.metadata import METADATA_FILE, MetadataRow, read_metadata
from core.dataset.problems import FilmProblem
from core.dataset.split_words import LABELS, folders_beside_splits, split_named, split_of_folder
from core.dataset.walking import FoundFile, walk_pictures
from core.errors import CohortError
from core.language import tr, tr_n


@dataclass(frozen=True)
class Place:
    """What an image's folders or its row in the metadata say of it."""

    label: str | None
    split: str | None
    patient: str | None = None
    problem: FilmProblem | None = None


@dataclass(frozen=True)
class FolderOddities:
    """What lies in a dataset's folder besides images: files that are no pictures, links not followed."""

    other_files: tuple[str, ...] = ()
    cut_links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """The files of a dataset in order of their names, before any is opened."""

    files: list[str]
    num_bytes_N: np.ndarray
    modified_ns_N: np.ndarray
    places: list[Place]
    oddities: FolderOddities

    def __len__(self) -> int:
        return len(self.files)

    def key(self) -> str:
        """Return a hash of all that is listed: two listings with one key lead to the same manifest."""
        digest = hashlib.sha256(self.num_bytes_N.tobytes() + self.modified_ns_N.tobytes())
        for file, place in zip(self.files, self.places, strict=True):
            line = f"{file}\0{place.label}\0{place.split}\0{place.patient}\0{place.problem}\n"
            digest.update(line.encode())
        return digest.hexdigest()


def list_films(root: Path) -> Listing:
    """Return every picture file below `root` and every image the metadata name; raises CohortError if there is none."""
    if not root.is_dir():
        raise CohortError(tr("{root} is no folder. Give the folder that holds the images.", root=root))
    walk = walk_pictures(root)
    found = walk.pictures
    files = {film.file for film in found}
    metadata = read_metadata(root, files)
    if metadata is not None:
        absent = metadata.keys() - files
        found = sorted(found + [FoundFile(file, 0, 0, FilmProblem.MISSING_FILE) for file in absent])
    others = tuple(file for file in walk.other_files if file != METADATA_FILE)
    if not found:
        raise CohortError(_nothing_in(root, others))
    return Listing(
        files=[film.file for film in found],
        num_bytes_N=np.array([film.num_bytes for film in found], dtype=np.int64),
        modified_ns_N=np.array([film.modified_ns for film in found], dtype=np.int64),
        places=_by_folders(found) if metadata is None else [_by_metadata(film, metadata) for film in found],
        oddities=FolderOddities(others, tuple(walk.cut_links)),
    )


def endings_of(files: Sequence[str], most: int = 5) -> list[str]:
    """Return what file names end in, the most frequent first."""
    endings = Counter(PurePosixPath(file).suffix.lower() or "no ending" for file in files)
    return [ending for ending, _ in endings.most_common(most)]


def _by_folders(found: list[FoundFile]) -> list[Place]:
    folders = [film.file.rpartition("/")[0] for film in found]
    beside = folders_beside_splits(set(folders))
    of_folder = {folder: _place_of_folder(folder, beside) for folder in set(folders)}
    return [
        of_folder[folder] if film.problem is None else replace(of_folder[folder], problem=film.problem)
        for film, folder in zip(found, folders, strict=True)
    ]


def _place_of_folder(folder: str, beside_splits: Collection[str] = ()) -> Place:
    """Read the label from the innermost folder that gives one, the split from the outermost."""
    label = next((LABELS[part] for part in reversed(folder.lower().split("/")) if part in LABELS), None)
    split = split_of_folder(folder)
    if label is None:
        return Place(None, split, problem=FilmProblem.NO_LABEL)
    path = PurePosixPath(folder)
    is_unknown = split is None and any(str(part) in beside_splits for part in (path, *path.parents))
    return Place(label, split, problem=FilmProblem.UNKNOWN_SPLIT if is_unknown else None)


def _by_metadata(film: FoundFile, metadata: dict[str, MetadataRow]) -> Place:
    row = metadata.get(film.file)
    if row is None:
        return Place(None, None, problem=film.problem or FilmProblem.NOT_IN_METADATA)
    label = LABELS.get((row.label or "").lower())
    split = split_named(row.split or "")
    problem = film.problem
    if problem is None and label is None:
        problem = FilmProblem.UNKNOWN_LABEL if row.label else FilmProblem.NO_LABEL
    elif problem is None and row.split and split is None:
        problem = FilmProblem.UNKNOWN_SPLIT
    elif problem is None and _place_of_folder(film.file.rpartition("/")[0]).label not in (None, label):
        problem = FilmProblem.LABEL_CONFLICT
    return Place(label, split, row.patient, problem)


def _nothing_in(root: Path, others: Sequence[str]) -> str:
    if not others:
        return tr(
            "{folder} holds no pictures. Expected images below folders like train/NORMAL and train/PNEUMONIA, below "
            "NORMAL and PNEUMONIA, or beside a {metadata_file}.",
            folder=root,
            metadata_file=METADATA_FILE,
        )
    return tr_n(
        "{folder} holds no pictures, only {n:,} other file ({endings}). Expected images below folders like "
        "train/NORMAL and train/PNEUMONIA, below NORMAL and PNEUMONIA, or beside a {metadata_file}.",
        "{folder} holds no pictures, only {n:,} other files ({endings}). Expected images below folders like "
        "train/NORMAL and train/PNEUMONIA, below NORMAL and PNEUMONIA, or beside a {metadata_file}.",
        len(others),
        folder=root,
        endings=", ".join(endings_of(others)),
        metadata_file=METADATA_FILE,
    )
