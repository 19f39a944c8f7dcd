"""The whole desk in one file: a zip of the database and of everything that cannot be made again, signed."""

import hashlib
import json
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import DatabaseError
from core.language import mark, tr
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.backup_format import (
    DATABASE,
    FORMAT,
    KEY_FILE,
    LISTING,
    MANIFEST,
    SIGNATURE,
    BackupError,
    has_place,
    is_kept,
    name_of_key,
    signature_of,
)
from core.services.desk.database_check import count_rows, require_schema, require_whole
from core.services.desk.opening import Desk
from core.services.desk.secret_keys import SECRET_BYTES, secret_key
from core.settings import AppSettings
from db.base import utc_now
from db.engine import SQLITE_FILE_PREFIX
from db.migrations import HEAD_REVISION

PACKED_ENDINGS = {".jpg", ".jpeg", ".png", ".zip", ".dcm", ".safetensors"}
DAMAGED = mark("The database of this desk is damaged")
NO_BACKUP = mark("No backup was made. Restore an earlier one.")
CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class BackupSummary:
    """What a backup holds, and the name of the key that signed it."""

    file: Path
    num_files: int
    num_bytes: int
    made_at: str
    rows: dict[str, int]
    key: str


def back_up(desk: Desk, file: Path, actor: str | None = None) -> BackupSummary:
    """Write the database and all images, heatmaps, runs and datasets of the desk into one zip, and return what it
    holds.

    The desk may be in use: the database is copied as it is at one moment. Everything is read back and hashed, and
    the file appears only when it is whole. Raises BackupError if it exists, cannot be written, or the database is
    damaged; DatabaseError if that is not an SQLite file.
    """
    file = file.absolute()
    source = database_file(desk.settings)
    key = desk_key(desk.settings.home)
    if file.exists():
        raise BackupError(tr("{file} is there already. Name a new file: a backup never replaces another.", file=file))
    part = file.with_name(f"{file.name}.part")
    made_at = f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"
    home = desk.settings.home.absolute()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = _write_members(home, source, part)
        num_files = _sign(part, key, {"home": str(home), "made_at": made_at, "rows": rows})
        part.replace(file)
    except (OSError, sqlite3.OperationalError) as error:
        raise BackupError(
            tr("{file} cannot be written ({error}). Free some space or choose another folder.", file=file, error=error)
        ) from error
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{tr(DAMAGED)} ({error}). {tr(NO_BACKUP)}") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise BackupError(
            tr(
                "{file} cannot be read back ({error}). Check the disk and choose another folder.",
                file=file,
                error=error,
            )
        ) from error
    finally:
        part.unlink(missing_ok=True)
    num_bytes = file.stat().st_size
    with desk.transaction() as session:
        record_event(
            session, actor, AuditAction.BACKUP, file.name, files=num_files, megabytes=round(num_bytes / 1e6, 1)
        )
    return BackupSummary(file, num_files, num_bytes, made_at, rows, name_of_key(key))


def desk_key(home: Path) -> bytes:
    """Return the key that signs a desk's backups, drawn at first use; raises SettingsError if it is not available."""
    advice = "put back the copy that was made of it, or delete it"
    return secret_key(home / KEY_FILE, if_too_short=advice)[:SECRET_BYTES]


def export_key(desk: Desk, file: Path, actor: str | None = None) -> str:
    """Write the key that signs this desk's backups into a new file, and return its name.

    Anyone who has it can restore a backup on another machine knowing that nobody changed it, and could also sign a
    changed one. Raises BackupError if the file exists or cannot be written.
    """
    key = desk_key(desk.settings.home)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{key.hex()}\n")
    except FileExistsError as error:
        raise BackupError(tr("{file} is there already. Name a new file.", file=file)) from error
    except OSError as error:
        raise BackupError(
            tr("{file} cannot be written ({strerror}). Choose another folder.", file=file, strerror=error.strerror)
        ) from error
    with desk.transaction() as session:
        record_event(session, actor, AuditAction.EXPORT, "key of the backups", key=name_of_key(key))
    return name_of_key(key)


def database_file(settings: AppSettings) -> Path:
    """Return the SQLite file of a desk; raises DatabaseError, with what to do instead, for any other database."""
    url = settings.resolved_database_url
    if not url.startswith(SQLITE_FILE_PREFIX):
        raise DatabaseError(
            tr(
                "This desk keeps its database on a server: save it with pg_dump and the home folder with it. One-file "
                "backups are for desks on SQLite."
            )
        )
    return Path(url.removeprefix(SQLITE_FILE_PREFIX))


def _write_members(home: Path, source: Path, part: Path) -> dict[str, int]:
    """Write the database and the files into a zip, and return how many rows each table has."""
    with tempfile.TemporaryDirectory(dir=part.parent) as folder, zipfile.ZipFile(part, "w", allowZip64=True) as archive:
        copy = Path(folder) / DATABASE
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as target:
            live.backup(target)
        require_whole(copy, tr(DAMAGED), tr(NO_BACKUP))
        require_schema(copy, tr(DAMAGED), tr(NO_BACKUP))
        rows = count_rows(copy)
        archive.write(copy, DATABASE, zipfile.ZIP_DEFLATED, 1)
        for path, name in _kept_files(home, part):
            if not has_place(name):
                raise BackupError(
                    tr("{name!r} in {home} has a name that no backup can hold. Give it another.", name=name, home=home)
                )
            packed = zipfile.ZIP_STORED if path.suffix.lower() in PACKED_ENDINGS else zipfile.ZIP_DEFLATED
            try:
                # A file may vanish while the desk continues working; the database says what was read of it.
                with suppress(FileNotFoundError):
                    archive.write(path, name, packed, 1)
            except UnicodeEncodeError as error:
                raise BackupError(
                    tr("{name!r} in {home} has a name that no zip can hold. Give it another.", name=name, home=home)
                ) from error
    return rows


def _sign(part: Path, key: bytes, says: dict[str, object]) -> int:
    """Read all members back, add the list of them and the signed manifest, and return how many files there are."""
    with zipfile.ZipFile(part) as archive:
        listed = [
            {"name": name, "size": archive.getinfo(name).file_size, "sha256": _hash_member(archive, name)}
            for name in archive.namelist()
        ]
    listing = "".join(f"{json.dumps(one)}\n" for one in listed).encode()
    manifest = {
        "format": FORMAT,
        "schema": HEAD_REVISION,
        "num_files": len(listed) - 1,
        "listing": hashlib.sha256(listing).hexdigest(),
        "key": name_of_key(key),
        **says,
    }
    signed_bytes = json.dumps(manifest, indent=1).encode()
    with zipfile.ZipFile(part, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(LISTING, listing)
        archive.writestr(MANIFEST, signed_bytes)
        archive.writestr(SIGNATURE, signature_of(signed_bytes, key))
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    return len(listed) - 1


def _hash_member(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    # Read to its end, a member whose checksum is wrong is refused.
    with archive.open(name) as stream:
        while content := stream.read(CHUNK_BYTES):
            digest.update(content)
    return digest.hexdigest()


def _kept_files(home: Path, part: Path) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(home):
        here = Path(folder)
        if here == home:
            folders[:] = [name for name in folders if is_kept(f"{name}/file")]
        for name in sorted(names):
            path = here / name
            relative = path.relative_to(home).as_posix()
            is_ours = is_kept(relative) and relative != DATABASE
            if is_ours and path != part and path.is_file() and not path.is_symlink():
                yield path, relative
