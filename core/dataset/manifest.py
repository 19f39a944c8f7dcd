"""A dataset's manifest: one row an image, and the fingerprint that names exactly these images.

Shapes: N images.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset.file_batches import map_in_batches
from core.dataset.layout import FolderOddities, Listing, Place
from core.dataset.naming import PATIENT_PSEUDONYM, parse_kermany_name, patient_of_name
from core.dataset.problems import NEVER_READ, FilmProblem
from core.errors import RadiographError
from core.progress import OnCount
from core.radiograph.formats import origin_of
from core.radiograph.image_format import Pseudonym
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason

TEXT_COLUMNS = ("file", "label", "split", "patient", "file_patient", "subtype", "mode", "content_hash", "problem")
MANIFEST_COLUMNS = (
    *("file", "label", "split", "patient", "file_patient", "subtype"),
    *("width", "height", "mode", "num_bytes", "modified_ns", "content_hash", "problem"),
)
MAX_FILE_BYTES = 200 * 10**6
"""No image file is larger unless it is said otherwise; a file is held in memory whole while it is read."""


@dataclass(frozen=True)
class Cohort:
    """A folder of radiographs as it was when it was indexed."""

    root: Path
    manifest: pd.DataFrame
    fingerprint: str
    oddities: FolderOddities = field(default_factory=FolderOddities)

    def select(self, split: str | None = None) -> pd.DataFrame:
        """Return the rows without a problem, of one split if it is named."""
        rows = self.manifest[self.manifest["problem"].isna()]
        return rows if split is None else rows[rows["split"] == split]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What reading a file shows; `problem` says why it is no readable picture, and width and height are then 0.

    `patient` is the pseudonym of whom the file says it shows.
    """

    width: int = 0
    height: int = 0
    mode: str | None = None
    content_hash: str | None = None
    problem: str | None = None
    patient: str | None = None


def index_listing(
    root: Path,
    listing: Listing,
    *,
    previous: pd.DataFrame | None = None,
    progress: OnCount | None = None,
    num_threads: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
    pseudonym: Pseudonym | None = None,
) -> Cohort:
    """Return the dataset of files that are listed already.

    Every new file is read and decoded once, since only decoding shows that a picture is cut short. `pseudonym` gives
    what is kept of a patient's number in a DICOM file; without it no such number is looked at.
    """
    known = _known_facts(listing, previous)
    paths = [root / file for file, fact in zip(listing.files, known, strict=True) if fact is None]
    examine = partial(_examine, max_file_bytes=max_file_bytes, pseudonym=pseudonym)
    read = iter([*map_in_batches(examine, paths, num_threads, progress)])
    facts = [next(read) if fact is None else fact for fact in known]
    manifest = _manifest(listing, facts)
    return Cohort(root, manifest, fingerprint_of(manifest), listing.oddities)


def is_settled(manifest: pd.DataFrame) -> bool:
    """Return whether every file was read, or will never be: others may be readable at the next visit."""
    return bool((manifest["content_hash"].notna() | manifest["problem"].isin(NEVER_READ)).all())


def is_patient_unknown(films: pd.DataFrame) -> pd.Series:
    """Return for each row of a manifest whether nothing says its patient, so that it counts as one of its own."""
    return films["patient"] == films["content_hash"]


def fingerprint_of(manifest: pd.DataFrame) -> str:
    """Return SHA-256 over every image's name, label, split, patient and content; place and order do not matter.

    Nor does the desk: a pseudonym, another on each, is there as the least content of its patient's images.
    """
    patients = _named_by_content(manifest)
    columns = [manifest[name].tolist() for name in ("file", "label", "split")]
    columns += [patients, manifest["content_hash"].tolist()]
    lines = sorted(["\t".join(map(_escaped, row)) for row in zip(*columns, strict=True)])
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _named_by_content(manifest: pd.DataFrame) -> list[str | None]:
    patients, contents = manifest["patient"].tolist(), manifest["content_hash"].tolist()
    least: dict[str, str] = {}
    for patient, content in zip(patients, contents, strict=True):
        if patient and content and _IS_PSEUDONYM(patient):
            least[patient] = min(content, least.get(patient, content))
    return [f"patient of {least[patient]}" if patient in least else patient for patient in patients]


def _escaped(value: str | None) -> str:
    """Keep apart what a tab, a line's end or a missing value could make alike."""
    if value is None:
        return "None"
    if value.isprintable() and "\\" not in value and value != "None":
        return value
    return "\\" + value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _known_facts(listing: Listing, previous: pd.DataFrame | None) -> list[FileFacts | None]:
    """Return what need not be read: the facts of unchanged files, and none for files that cannot be opened."""
    nothing = FileFacts()
    facts = [nothing if place.problem in NEVER_READ else None for place in listing.places]
    if previous is None or previous.empty:
        return facts
    row_of = {file: row for row, file in enumerate(previous["file"])}
    rows_N = np.array([row_of.get(file, -1) for file in listing.files])
    unchanged_N = (
        (rows_N >= 0)
        & (previous["num_bytes"].to_numpy()[rows_N] == listing.num_bytes_N)
        & (previous["modified_ns"].to_numpy()[rows_N] == listing.modified_ns_N)
        & previous["content_hash"].notna().to_numpy()[rows_N]
    )
    names = ("width", "height", "mode", "content_hash", "problem", "file_patient")
    columns = [previous[name].tolist() for name in names]
    for place in np.flatnonzero(unchanged_N).tolist():
        if facts[place] is None:
            width, height, mode, content_hash, problem, patient = [column[rows_N[place]] for column in columns]
            unreadable = None if problem in _BY_PLACE else problem
            facts[place] = FileFacts(width, height, mode, content_hash, unreadable, patient)
    return facts


_IS_PSEUDONYM = re.compile(PATIENT_PSEUDONYM).fullmatch
_BY_PLACE = frozenset({None, *(str(problem) for problem in FilmProblem)})


def _examine(path: Path, max_file_bytes: int, pseudonym: Pseudonym | None) -> FileFacts:
    """Read a file once: its hash, its size, whom it shows, and whether it decodes."""
    try:
        with path.open("rb") as stream:
            content = stream.read(max_file_bytes + 1)
    except PermissionError:
        return FileFacts(problem=str(RejectionReason.NO_PERMISSION))
    except FileNotFoundError:
        return FileFacts(problem=str(FilmProblem.VANISHED))
    except OSError:
        return FileFacts(problem=str(RejectionReason.READ_ERROR))
    if len(content) > max_file_bytes:
        return FileFacts(problem=str(RejectionReason.FILE_TOO_LARGE))
    content_hash = hashlib.sha256(content).hexdigest()
    try:
        radiograph = read_radiograph(content, shortest_side=64)
    except RadiographError as error:
        return FileFacts(content_hash=content_hash, problem=str(error.reason))
    return FileFacts(
        radiograph.width, radiograph.height, radiograph.mode, content_hash, patient=_patient_in(content, pseudonym)
    )


def _manifest(listing: Listing, facts: list[FileFacts]) -> pd.DataFrame:
    named = [parse_kermany_name(file.rpartition("/")[2]) for file in listing.files]
    films = list(zip(listing.places, named, facts, strict=True))
    columns = {
        "file": listing.files,
        "label": [place.label for place in listing.places],
        "split": [place.split for place in listing.places],
        # Where nothing says the patient an image is its own; copies of it then share one.
        "patient": [
            place.patient or fact.patient or patient_of_name(file) or fact.content_hash
            for file, (place, _, fact) in zip(listing.files, films, strict=True)
        ],
        "file_patient": [fact.patient for fact in facts],
        "subtype": [name.subtype if name else _subtype(place) for place, name, _ in films],
        "width": np.array([fact.width for fact in facts], dtype=np.int64),
        "height": np.array([fact.height for fact in facts], dtype=np.int64),
        "mode": [fact.mode for fact in facts],
        "num_bytes": listing.num_bytes_N,
        "modified_ns": listing.modified_ns_N,
        "content_hash": [fact.content_hash for fact in facts],
        # An unreadable file stays one when it gets a label, so this comes before what its place lacks.
        "problem": [fact.problem or (place.problem and str(place.problem)) for place, _, fact in films],
    }
    return _counted_once(manifest_frame(columns))


def _counted_once(manifest: pd.DataFrame) -> pd.DataFrame:
    """Mark all but the first by name of the usable copies of an image that lie under one path within one another."""
    usable = manifest[manifest["problem"].isna()]
    for _, copies in usable[usable["content_hash"].duplicated(keep=False)].groupby("content_hash"):
        kept: list[tuple[str, ...]] = []
        for row, *said in copies.sort_values("file")[["file", "label", "split"]].itertuples():
            if any(_lie_within(said, other) for other in kept):
                manifest.loc[row, "problem"] = str(FilmProblem.NESTED_COPY)
            else:
                kept.append(tuple(said))
    return manifest


def _lie_within(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    """Return whether the path of one of two images is the end of the other's, and label and split are the same."""
    (file, *said), (other_file, *other_said) = one, other
    if file is None or other_file is None:
        return False
    return said == other_said and (file.endswith(f"/{other_file}") or other_file.endswith(f"/{file}"))


def manifest_frame(columns: dict[str, list[str | None] | np.ndarray]) -> pd.DataFrame:
    """Return the columns as a manifest: text as Python strings with None where there is none, counts as int64."""
    return pd.DataFrame(
        {
            name: pd.Series(columns[name], dtype=object if name in TEXT_COLUMNS else np.int64)
            for name in MANIFEST_COLUMNS
        }
    )


def _patient_in(content: bytes, pseudonym: Pseudonym | None) -> str | None:
    if pseudonym is None:
        return None
    number = origin_of(content).patient
    return pseudonym(number) if number else None


def _subtype(place: Place) -> str | None:
    return "normal" if place.label == "normal" else None
