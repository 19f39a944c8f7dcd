"""Reads a metadata.csv: what a dataset without telling folders says of each image."""

import csv
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import CohortError
from core.language import tr

METADATA_FILE = "metadata.csv"
METADATA_COLUMNS = ("file", "label", "patient_id", "split", "view", "age", "sex")
EMPTY_CELLS = {"", "nan", "none", "null", "na", "n/a"}


@dataclass(frozen=True, slots=True)
class MetadataRow:
    """The cells of one image, stripped; what is empty is None."""

    label: str | None
    split: str | None
    patient: str | None


def read_metadata(root: Path, files: Collection[str]) -> dict[str, MetadataRow] | None:
    """Return the rows by file name, or None if the folder has no metadata.csv; `files` are those that are there.

    Column names and labels may be in any case and other columns are passed over. Where no file has that very name, "\\"
    between folders counts as "/", and one way to write an accented letter as the other. Raises CohortError if the table
    is no good, naming the line.
    """
    path = root / METADATA_FILE
    rows: dict[str, MetadataRow] = {}
    written = _by_letters(files)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for line, cells in _lines(path, stream):
                file = _file_name(cells["file"], files, written)
                if not file:
                    raise CohortError(
                        tr("{path}, line {line}, names no file. Fill in the column file.", path=path, line=line)
                    )
                if file in rows:
                    raise CohortError(
                        tr(
                            "{path}, line {line}, names {file!r} a second time. Give each image one row.",
                            path=path,
                            line=line,
                            file=file,
                        )
                    )
                rows[file] = MetadataRow(_cell(cells, "label"), _cell(cells, "split"), _cell(cells, "patient_id"))
    except (csv.Error, UnicodeDecodeError) as error:
        raise CohortError(
            tr(
                "{path} is no CSV table in UTF-8 that can be read: {error}. Save it again as one.",
                path=path,
                error=error,
            )
        ) from error
    except (FileNotFoundError, IsADirectoryError):
        return None
    except OSError as error:
        raise CohortError(
            tr("{path} cannot be opened ({strerror}). Check its permissions.", path=path, strerror=error.strerror)
        ) from error
    return rows


def _lines(path: Path, stream: Iterator[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(stream, strict=True)
    header = [name.strip().lower() for name in next(reader, [])]
    missing = {"file", "label"} - set(header)
    if missing:
        raise CohortError(
            tr(
                "{path} lacks the column {missing}. It needs file and label with commas between, and may have "
                "{metadata_column}.",
                path=path,
                missing=" and ".join(sorted(missing)),
                metadata_column=", ".join(METADATA_COLUMNS[2:]),
            )
        )
    twice = sorted(name for name in METADATA_COLUMNS if header.count(name) > 1)
    if twice:
        raise CohortError(
            tr("{path} has the column {twice} more than once. Keep one of them.", path=path, twice=twice[0])
        )
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(header) :]):
            raise CohortError(
                tr(
                    '{path}, line {line}, has {num_cells} cells, the head {num_columns}. Put "quotes" around a '
                    "name with a comma.",
                    path=path,
                    line=reader.line_num,
                    num_cells=len(cells),
                    num_columns=len(header),
                )
            )
        yield reader.line_num, dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))


def _by_letters(files: Collection[str]) -> dict[str, str]:
    """Return the files whose names are not in plain letters by their composed form, but for those that share one."""
    written: dict[str, list[str]] = {}
    for file in files:
        if not file.isascii():
            written.setdefault(unicodedata.normalize("NFC", file), []).append(file)
    return {composed: alike[0] for composed, alike in written.items() if len(alike) == 1}


def _file_name(cell: str, files: Collection[str], written: Mapping[str, str]) -> str:
    if cell in files:
        return cell
    name = cell.strip()
    if name not in files:
        name = name.replace("\\", "/")
    name = name.removeprefix("./")
    return name if name in files else written.get(unicodedata.normalize("NFC", name), name)


def _cell(cells: dict[str, str], column: str) -> str | None:
    value = cells.get(column, "").strip()
    return None if value.lower() in EMPTY_CELLS else value
