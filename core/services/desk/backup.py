"""The whole desk in one file, and back: a zip of the database and of everything that cannot be made again."""

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from core.errors import DatabaseError, InputNotFoundError, PneumoDeskError
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.opening import Desk, open_desk
from core.services.desk.path_relocation import point_to_new_home
from core.settings import AppSettings
from db.base import utc_now
from db.engine import make_engine
from db.migrations import HEAD_REVISION
from db.problems import DatabaseProblem
from db.upgrade import VERSION_TABLE, upgrade_to_head

FORMAT = 1
MANIFEST = "pneumodesk-backup.json"
DATABASE = "pneumodesk.db"
STAGING = ".restoring"
# Made again at need, tied to this machine, or a secret that the next desk draws for itself.
LEFT_OUT = ("caches", "signing.key", STAGING)
LEFT_OUT_ENDINGS = (".lock", ".db", ".db-wal", ".db-shm", ".part")
MOST_MANIFEST_BYTES = 64_000
PACKED_ENDINGS = {".jpg", ".jpeg", ".png", ".zip", ".dcm", ".safetensors"}


class BackupError(PneumoDeskError):
    """A backup that cannot be made or brought back."""


class Manifest(BaseModel):
    """What a backup says of itself; anything else in it is left unread."""

    format: Literal[1]
    home: str = Field(min_length=1, max_length=4096)
    made_at: str = Field(max_length=40)
    num_files: int = Field(ge=0)


@dataclass(frozen=True)
class BackupSummary:
    """What a backup holds."""

    file: Path
    num_files: int
    num_bytes: int
    made_at: str


def back_up(desk: Desk, file: Path, actor: str | None = None) -> BackupSummary:
    """Write the database and all films, heatmaps, runs and cohorts of the desk into one zip, and return what it holds.

    The desk may be in use: the database is copied as it stands at one moment. The file appears only when it is
    whole. Raises BackupError if it exists, cannot be written, or the database is not an SQLite file.
    """
    file = file.absolute()
    source = _database_file(desk.settings)
    if file.exists():
        raise BackupError(f"{file} is there already. Name a new file: a backup never replaces another.")
    part = file.with_name(f"{file.name}.part")
    made_at = f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        num_files = _write(desk.settings.home.absolute(), source, part, made_at)
        part.replace(file)
    except (OSError, sqlite3.OperationalError) as error:
        raise BackupError(f"{file} cannot be written ({error}). Free some space or choose another folder.") from error
    except sqlite3.DatabaseError as error:
        raise BackupError(f"The database of this desk is damaged ({error}). Restore an earlier backup.") from error
    finally:
        part.unlink(missing_ok=True)
    num_bytes = file.stat().st_size
    with desk.transaction() as session:
        record_event(
            session, actor, AuditAction.BACKUP, file.name, files=num_files, megabytes=round(num_bytes / 1e6, 1)
        )
    return BackupSummary(file, num_files, num_bytes, made_at)


def restore(settings: AppSettings, file: Path, actor: str | None = None, *, replace: bool = False) -> BackupSummary:
    """Bring a backup back into the home of `settings`, upgraded to this version, and return what it held.

    Everything is unpacked and checked in a folder of its own first: a damaged backup, or a crash, changes nothing.
    What is in the home already is kept: without `replace` it makes the restore stop, with it it is moved into a
    folder `replaced-…` there. No other process may use the desk meanwhile. Raises BackupError.
    """
    _database_file(settings)
    if not file.is_file():
        raise InputNotFoundError(f"There is no file {file}.")
    home = settings.home.absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        staging = home / STAGING
        _clear(staging)
        present = [path for path in home.iterdir() if not path.name.startswith("replaced-")]
        if present and not replace:
            raise BackupError(
                f"{home} is not empty. Set PNEUMODESK_HOME to a new folder, or restore with --replace, which moves "
                "what is there into a folder beside it."
            )
        staging.mkdir()
        manifest = _unpack(file, staging)
        _prepare_database(staging / DATABASE, manifest, home)
        _put_in_place(home, staging, present)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise BackupError(f"{file} cannot be restored into {home}: {error}. Nothing there was changed.") from error
    except DatabaseProblem as problem:
        raise BackupError(f"The database in {file} cannot be used: {problem}") from problem
    desk = open_desk(settings)
    with desk.transaction() as session:
        record_event(session, actor, AuditAction.RESTORE, file.name, made_at=manifest.made_at)
    return BackupSummary(file, manifest.num_files, file.stat().st_size, manifest.made_at)


def _write(home: Path, source: Path, part: Path, made_at: str) -> int:
    num_files = 0
    with tempfile.TemporaryDirectory(dir=part.parent) as folder, zipfile.ZipFile(part, "w", allowZip64=True) as archive:
        copy = Path(folder) / DATABASE
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as target:
            live.backup(target)
        _require_whole(copy, "The database of this desk is damaged", "No backup was made. Restore an earlier one.")
        archive.write(copy, DATABASE, zipfile.ZIP_DEFLATED, 1)
        for path, name in _kept_files(home, part):
            packed = zipfile.ZIP_STORED if path.suffix.lower() in PACKED_ENDINGS else zipfile.ZIP_DEFLATED
            # A file may vanish while the desk goes on working; the database says what was read of it.
            with suppress(FileNotFoundError):
                archive.write(path, name, packed, 1)
                num_files += 1
        manifest = {
            "format": FORMAT,
            "schema": HEAD_REVISION,
            "home": str(home),
            "made_at": made_at,
            "num_files": num_files,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    return num_files


def _kept_files(home: Path, part: Path) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(home):
        here = Path(folder)
        if here == home:
            folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith("replaced-")]
        for name in sorted(names):
            path = here / name
            if here == home and (name in LEFT_OUT or name.endswith(LEFT_OUT_ENDINGS)):
                continue
            if path != part and path.is_file() and not path.is_symlink():
                yield path, path.relative_to(home).as_posix()


def _unpack(file: Path, staging: Path) -> Manifest:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if MANIFEST not in names or DATABASE not in names:
            raise BackupError(f"{file} is no backup of a desk. `python -m core backup FILE` makes one.")
        manifest = _read_manifest(file, archive)
        for name in names:
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or "\\" in name or place.parts[0] == STAGING:
                raise BackupError(f"{file} holds {name!r}, which leads out of the desk's home. It is not restored.")
        members = [member for member in archive.infolist() if _is_taken_over(member.filename)]
        num_bytes, free = sum(member.file_size for member in members), shutil.disk_usage(staging).free
        if num_bytes > free:
            raise BackupError(
                f"{file} needs {num_bytes / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free in {staging.parent}. "
                "Free some space or restore into another home."
            )
        # Reading each member to its end checks its checksum; none can be longer than it says.
        archive.extractall(staging, members)
        for key in staging.glob("*.key"):
            key.chmod(0o600)
    return manifest


def _read_manifest(file: Path, archive: zipfile.ZipFile) -> Manifest:
    if archive.getinfo(MANIFEST).file_size > MOST_MANIFEST_BYTES:
        raise BackupError(f"The manifest of {file} is too large. It is not restored.")
    try:
        document = json.loads(archive.read(MANIFEST))
        if isinstance(document, dict) and isinstance(document.get("format"), int) and document["format"] > FORMAT:
            raise BackupError(f"{file} was made by a newer PneumoDesk. Restore it with that version.")
        return Manifest.model_validate(document)
    # Besides what is no JSON, a number too long to read and nesting too deep.
    except (ValidationError, ValueError, RecursionError) as error:
        raise BackupError(f"The manifest of {file} is damaged. Use another backup.") from error


def _is_taken_over(name: str) -> bool:
    """Return whether a member is what `back_up` writes: never a cache, a key, a lock or another database."""
    first, *rest = PurePosixPath(name).parts
    if first == DATABASE and not rest:
        return True
    return first not in (*LEFT_OUT, MANIFEST) and (bool(rest) or not first.endswith(LEFT_OUT_ENDINGS))


def _require_whole(path: Path, said: str, advice: str) -> None:
    """Raise BackupError if a database is damaged, or empty and so no desk's."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise BackupError(f"{said} ({error}). {advice}") from error
    if found != "ok":
        raise BackupError(f"{said} ({' '.join(found.split())}). {advice}")
    if VERSION_TABLE not in names:
        raise BackupError(f"{said}: it holds no desk. {advice}")


def _refuse_foreign_code(path: Path) -> None:
    """Raise BackupError if a database of this version holds a trigger or view that a new desk's has not."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / DATABASE
        engine = make_engine(f"sqlite:///{new}")
        upgrade_to_head(engine)
        engine.dispose()
        foreign = sorted(_code_of(path) - _code_of(new))
    if foreign:
        raise BackupError(
            f"The database in the backup holds {foreign[0][0]!r}, a trigger or view that no desk has. "
            "Use a backup that nobody has changed."
        )


def _code_of(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchall()
    # SQLite itself adds quotes where a table was renamed.
    return {(name, "".join(sql.replace('"', "").split())) for name, sql in rows}


def _prepare_database(path: Path, manifest: Manifest, home: Path) -> None:
    _require_whole(path, "The database in the backup is damaged", "Use an earlier backup.")
    engine = make_engine(f"sqlite:///{path}")
    try:
        upgrade_to_head(engine)
        point_to_new_home(engine, manifest.home, str(home))
    except sqlite3.Error as error:
        raise BackupError(f"The database in the backup is damaged ({error}). Use an earlier backup.") from error
    finally:
        engine.dispose()
    _refuse_foreign_code(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _put_in_place(home: Path, staging: Path, present: list[Path]) -> None:
    if present:
        aside = home / f"replaced-{utc_now():%Y%m%d-%H%M%S}"
        aside.mkdir()
        for path in present:
            path.rename(aside / path.name)
    # The database goes last: without it nothing takes a half restored home for a desk.
    for path in sorted(staging.iterdir(), key=lambda path: path.name.startswith(DATABASE)):
        path.rename(home / path.name)
    staging.rmdir()


def _clear(staging: Path) -> None:
    """Take away what a restore that broke off has left."""
    if staging.exists():
        shutil.rmtree(staging)


def _database_file(settings: AppSettings) -> Path:
    url = settings.resolved_database_url
    if not url.startswith("sqlite:///"):
        raise DatabaseError(
            "This desk keeps its database on a server: save it with pg_dump and the home folder with it. "
            "One-file backups are for desks on SQLite."
        )
    return Path(url.removeprefix("sqlite:///"))
