"""Takes from the images in a zip all that is not the image."""

import hashlib
import zipfile
from pathlib import Path

from core.errors import UnreadableFileError
from core.radiograph.file_errors import typed_file_errors
from core.services.desk import Desk
from core.services.films.deidentification import note_of, plain_file
from core.services.films.pseudonyms import study_number
from core.triage.archives import list_members, read_member


def drop_from_archive(desk: Desk, path: Path, name: str) -> None:
    """Rewrite the zip of this name without the identifiers of its images, without comments, dates and hidden files.

    A member that cannot be cleaned (encrypted, damaged, no image) becomes a note of why, and so does the whole of an
    archive that cannot be listed or would unpack to more than the limit.
    """
    fresh = path.with_name(f"{path.name}.plain")
    try:
        with typed_file_errors(), zipfile.ZipFile(fresh, "w") as target:
            _write_members(desk, path, name, target)
        fresh.replace(path)
    except UnreadableFileError as error:
        path.write_bytes(note_of(desk, error, _hash_of(path)))
    finally:
        fresh.unlink(missing_ok=True)


def _write_members(desk: Desk, path: Path, name: str, target: zipfile.ZipFile) -> None:
    settings = desk.settings
    limit = settings.max_file_bytes
    members = list_members(path, max_file_bytes=limit, max_archive_bytes=settings.max_archive_bytes)
    for member, found in members:
        kept_name = study_number(desk, f"{name}/{member}") if settings.study_numbers else member
        try:
            if isinstance(found, UnreadableFileError):
                raise found
            content = plain_file(desk, member, read_member(path, found, limit))
        except UnreadableFileError as error:
            content = note_of(desk, error, f"{_hash_of(path)}/{member}")
        target.writestr(zipfile.ZipInfo(kept_name), content)


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
