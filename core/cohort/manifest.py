"""A cohort's manifest: one row a film, and the fingerprint that names exactly these films."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any

import pandas as pd

from core.cohort.layout import FilmFile, list_films
from core.cohort.naming import parse_kermany_name
from core.errors import UnreadableFileError
from core.radiograph.reading import read_radiograph

MANIFEST_COLUMNS = (
    "file",
    "label",
    "split",
    "patient",
    "subtype",
    "width",
    "height",
    "mode",
    "num_bytes",
    "modified_ns",
    "content_hash",
    "problem",
)
_TEXT_COLUMNS = ("file", "label", "split", "patient", "subtype", "mode", "content_hash", "problem")


@dataclass(frozen=True)
class Cohort:
    """A folder of radiographs as it was when it was indexed."""

    root: Path
    manifest: pd.DataFrame
    fingerprint: str

    def select(self, split: str | None = None) -> pd.DataFrame:
        """Return the rows without a problem, of one split if it is named."""
        rows = self.manifest[self.manifest["problem"].isna()]
        return rows if split is None else rows[rows["split"] == split]


def index_cohort(
    root: Path,
    *,
    previous: pd.DataFrame | None = None,
    progress: Callable[[int, int], None] | None = None,
    num_threads: int = 0,
) -> Cohort:
    """Return the cohort of a folder; files whose size and time stand in `previous` are not read again.

    Every new file is read and decoded once, since only decoding shows that a picture is cut short.
    Raises CohortError if the folder cannot serve.
    """
    films = list_films(root)
    known = _known(previous)
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(num_threads or cpu_count() or 1) as pool:
        facts = pool.map(lambda film: known.get(_key(film)) or _examine(root / film.file, film), films)
        for number, (film, fact) in enumerate(zip(films, facts, strict=True), 1):
            rows.append(_row(film, fact))
            if progress and (number % 100 == 0 or number == len(films)):
                progress(number, len(films))
    manifest = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    manifest[list(_TEXT_COLUMNS)] = manifest[list(_TEXT_COLUMNS)].astype(object)
    manifest = manifest.where(manifest.notna(), None)
    return Cohort(root.resolve(), manifest, fingerprint_of(manifest))


def fingerprint_of(manifest: pd.DataFrame) -> str:
    """Return SHA-256 over every film's name, label, split, patient and content; place and order do not matter."""
    columns = ["file", "label", "split", "patient", "content_hash"]
    lines = sorted("\t".join(str(value) for value in row) for row in manifest[columns].itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _key(film: FilmFile) -> tuple[str, int, int]:
    return film.file, film.num_bytes, film.modified_ns


def _known(previous: pd.DataFrame | None) -> dict[tuple[str, int, int], dict[str, Any]]:
    if previous is None:
        return {}
    columns = previous[["file", "num_bytes", "modified_ns", "width", "height", "mode", "content_hash", "problem"]]
    return {
        (row.file, int(row.num_bytes), int(row.modified_ns)): {
            "width": int(row.width),
            "height": int(row.height),
            "mode": row.mode,
            "content_hash": row.content_hash,
            "unreadable": None if row.problem in _PLACE_PROBLEMS else row.problem,
        }
        for row in columns.itertuples(index=False)
        if row.content_hash
    }


_PLACE_PROBLEMS = {None, "no_label", "not_in_metadata", "missing_file"}


def _examine(path: Path, film: FilmFile) -> dict[str, Any]:
    """Read a file once: its hash, its size, and whether it decodes."""
    nothing = {"width": 0, "height": 0, "mode": None, "content_hash": None, "unreadable": None}
    if film.problem == "missing_file":
        return nothing
    try:
        content = path.read_bytes()
    except PermissionError:
        return {**nothing, "unreadable": "no_permission"}
    except OSError:
        return {**nothing, "unreadable": "read_error"}
    content_hash = hashlib.sha256(content).hexdigest()
    try:
        radiograph = read_radiograph(content, shortest_side=64)
    except UnreadableFileError as error:
        return {**nothing, "content_hash": content_hash, "unreadable": str(error.reason)}
    return {
        "width": radiograph.width,
        "height": radiograph.height,
        "mode": radiograph.mode,
        "content_hash": content_hash,
        "unreadable": None,
    }


def _row(film: FilmFile, fact: dict[str, Any]) -> dict[str, Any]:
    named = parse_kermany_name(Path(film.file).name)
    subtype = named.subtype if named else ("normal" if film.label == "normal" else None)
    return {
        "file": film.file,
        "label": film.label,
        "split": film.split,
        # A film of unknown name is its own patient; copies of it then share one.
        "patient": film.patient or (named.patient if named else fact["content_hash"]),
        "subtype": subtype,
        "num_bytes": film.num_bytes,
        "modified_ns": film.modified_ns,
        "problem": film.problem or fact["unreadable"],
        **{name: fact[name] for name in ("width", "height", "mode", "content_hash")},
    }
