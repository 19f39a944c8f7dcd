"""Takes from the films in a zip all that is not the film."""

import zipfile
import zlib
from pathlib import Path

from core.radiograph.identifiers import without_identifiers

ARCHIVE_START = b"PK\x03\x04"
LARGEST_MEMBER = 500 * 10**6
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError, EOFError)


def is_archive(path: Path) -> bool:
    """Return whether a file begins as a zip does."""
    with path.open("rb") as file:
        return file.read(4) == ARCHIVE_START


def drop_from_archive(path: Path, limit_bytes: int) -> None:
    """Write a zip anew without the identifiers of its films and without comments.

    A member that cannot be read (encrypted, damaged) or is too large stays out of the new zip as an empty file. An
    archive that is damaged as a whole, or would unpack to more than the limit, stays as it is: triage refuses it.
    """
    fresh = path.with_name(f"{path.name}.plain")
    try:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(fresh, "w") as target:
            if sum(info.file_size for info in source.infolist()) > limit_bytes:
                return
            for info in source.infolist():
                if not info.is_dir():
                    target.writestr(zipfile.ZipInfo(info.filename, info.date_time), _plain(source, info))
        fresh.replace(path)
    except _ZIP_ERRORS:
        return
    finally:
        fresh.unlink(missing_ok=True)


def _plain(source: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > LARGEST_MEMBER:
        return b""
    try:
        return without_identifiers(source.read(info))
    except _ZIP_ERRORS:
        return b""
