"""A backup brought back: read with suspicion, unpacked and checked beside the desk, then put in place in one step."""

import hashlib
import shutil
import sqlite3
import zipfile
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from core.errors import InputNotFoundError
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.backup import CHUNK_BYTES, database_file
from core.services.desk.backup_format import (
    DATABASE,
    KEY_FILE,
    BackupError,
    Contents,
    Manifest,
    is_kept,
    name_of_key,
    read_contents,
)
from core.services.desk.database_check import count_rows, require_schema, require_whole
from core.services.desk.home_lock import held_alone
from core.services.desk.home_swap import (
    clear_staging,
    finish_swap,
    has_open_swap,
    new_staging,
    present_in,
    swap_in,
)
from core.services.desk.path_relocation import point_to_new_home
from core.services.desk.private_files import keep_files_private
from core.services.desk.secret_keys import SECRET_BYTES
from core.settings import AppSettings
from db import models as tables
from db.base import num_changed, utc_now
from db.engine import make_engine, session_factory
from db.problems import DatabaseProblem
from db.upgrade import upgrade_to_head

DAMAGED = "The database in the backup is damaged"
ANOTHER = "Use a backup that nobody has changed."
RISK = (
    "If you restore it all the same, with --accept-unverified, anyone who changed it decides what readers said, which "
    "model analyses and at which threshold."
)


@dataclass(frozen=True)
class RestoreRequest:
    """What is brought back: the file, and what its owner allows.

    `replace` moves what the home holds aside. `key_file` is the copy of the key of the desk that made the backup,
    needed where the home holds no key or another one. `accept_unverified` takes a backup for which no key vouches.
    """

    file: Path
    replace: bool = False
    key_file: Path | None = None
    accept_unverified: bool = False


@dataclass(frozen=True)
class RestoreSummary:
    """What was brought back; `num_changed` files were not what the backup lists, `num_revoked` keys were revoked."""

    made_at: str
    num_files: int
    rows: dict[str, int]
    is_verified: bool
    num_changed: int
    num_revoked: int


def restore(settings: AppSettings, asked: RestoreRequest, actor: str | None = None) -> RestoreSummary:
    """Bring a backup back into the home of `settings`, upgraded to this version, and return what it held.

    Everything is unpacked and checked in a folder of its own first: a damaged backup, or a crash, changes nothing.
    What is in the home already is kept: without `replace` it makes the restore stop, with it it is moved into a
    folder `replaced-…` there. Raises HomeHeldError while any process has the desk open, and BackupError.
    """
    home = settings.home.absolute()
    if database_file(settings).absolute() != home / DATABASE:
        raise BackupError(
            f"A backup is restored with its database in the home. Unset PNEUMODESK_DATABASE_URL, which names "
            f"{database_file(settings)}, or set it to {home / DATABASE}."
        )
    if not asked.file.is_file():
        raise InputNotFoundError(f"There is no file {asked.file}.")
    keep_files_private()
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held_alone(home):
            if has_open_swap(home):
                finish_swap(home)
            _refuse_occupied(home, asked)
            try:
                return _restore_alone(home, asked, actor)
            finally:
                if not has_open_swap(home):
                    clear_staging(home)
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error, sqlite3.Error) as error:
        raise BackupError(
            f"{asked.file} cannot be restored into {home}: {error}. Nothing there was changed."
        ) from error


def _refuse_occupied(home: Path, asked: RestoreRequest) -> None:
    present = present_in(home)
    if present and not asked.replace:
        raise BackupError(
            f"{home} is not empty. Set PNEUMODESK_HOME to a new folder, or restore with --replace, which moves "
            "what is there into a folder beside it."
        )
    if mounted := [path for path in present if path.is_mount()]:
        raise BackupError(f"{mounted[0]} is a mounted disk and cannot be moved aside. Unmount it and try again.")


def _restore_alone(home: Path, asked: RestoreRequest, actor: str | None) -> RestoreSummary:
    keys = _keys(home, asked)
    content = new_staging(home)
    with zipfile.ZipFile(asked.file) as archive:
        contents = read_contents(asked.file, archive)
        key = _verify(asked, contents, keys)
        num_changed = _unpack(asked, archive, contents, content)
    manifest = contents.manifest
    rows = _check_unpacked(content / DATABASE, manifest)
    is_verified = key is not None and not num_changed
    done = {"made_at": manifest.made_at, "is_verified": is_verified, "num_changed": num_changed}
    num_revoked = _prepare_database(content / DATABASE, manifest, home, actor, asked.file.name, done)
    # From now on the desk signs with the key that vouched for it, or the one the home had.
    if kept_key := key or (keys[-1] if keys else None):
        place = content / KEY_FILE
        place.touch(mode=0o600)
        place.write_bytes(kept_key)
    swap_in(home, DATABASE)
    return RestoreSummary(num_files=manifest.num_files, rows=rows, num_revoked=num_revoked, **done)


def _keys(home: Path, asked: RestoreRequest) -> list[bytes]:
    """Return the keys that a backup may be signed with: the one that was given, then the home's own."""
    keys = []
    if asked.key_file is not None:
        if not asked.key_file.is_file():
            raise InputNotFoundError(f"There is no file {asked.key_file}.")
        keys.append(_read_key(asked.key_file))
    if (home / KEY_FILE).is_file():
        keys.append(_read_key(home / KEY_FILE))
    return keys


def _read_key(file: Path) -> bytes:
    """Return a key from a desk's own file or from the copy that `backup-key` writes."""
    with file.open("rb") as stream:
        content = stream.read(1000)
    if len(content) == SECRET_BYTES:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != SECRET_BYTES:
        raise BackupError(f"{file} holds no key of a desk. `python -m core backup-key FILE` writes one.")
    return key


def _verify(asked: RestoreRequest, contents: Contents, keys: list[bytes]) -> bytes | None:
    """Return the key that vouches for a backup, or None if none does and that is allowed; raises BackupError."""
    for key in keys:
        if contents.listed is not None and contents.is_signed_with(key):
            return key
    if asked.accept_unverified:
        return None
    file, signed_by = asked.file, contents.manifest.key
    if contents.listed is None or signed_by is None:
        raise BackupError(f"{file} is not signed, as those of earlier versions are not: nobody vouches for it. {RISK}")
    if signed_by in map(name_of_key, keys):
        raise BackupError(f"{file} was changed after it was made. Use another backup. {RISK}")
    raise BackupError(
        f"{file} was signed by another desk, with the key {signed_by}, and this home has "
        f"{f'the key {name_of_key(keys[-1])}' if keys else 'none'}. Give that desk's key with --key FILE: its own file "
        f"{KEY_FILE}, or the copy that `python -m core backup-key` made of it. {RISK}"
    )


def _unpack(asked: RestoreRequest, archive: zipfile.ZipFile, contents: Contents, content: Path) -> int:
    """Unpack what is listed and a backup would hold, and return how many files are not what they were."""
    members = [
        member
        for member in archive.infolist()
        if is_kept(member.filename)
        and not member.is_dir()
        and (contents.listed is None or member.filename in contents.listed)
    ]
    num_bytes, free = sum(member.file_size for member in members), shutil.disk_usage(content).free
    if num_bytes > free:
        raise BackupError(
            f"{asked.file} needs {num_bytes / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free in {content}. "
            "Free some space or restore into another home."
        )
    changed = []
    for member in members:
        digest, size = _unpack_one(archive, member, content)
        expected = contents.listed[member.filename] if contents.listed is not None else None
        if expected is not None and (expected.sha256, expected.size) != (digest, size):
            changed.append(member.filename)
    if changed and not asked.accept_unverified:
        raise BackupError(f"{changed[0]!r} in {asked.file} was changed after the backup was made. {RISK}")
    return len(changed)


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, content: Path) -> tuple[str, int]:
    """Unpack one member and return its hash and size; one that is longer than it says is refused by its checksum."""
    place = content.joinpath(*PurePosixPath(member.filename).parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with archive.open(member) as packed, place.open("xb") as stream:
        while chunk := packed.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            stream.write(chunk)
    if place.suffix == ".key":
        place.chmod(0o600)
    return digest.hexdigest(), size


def _check_unpacked(database: Path, manifest: Manifest) -> dict[str, int]:
    """Return the rows of each table, which must be as many as the manifest says."""
    require_whole(database, DAMAGED, "Use an earlier backup.")
    rows = count_rows(database)
    if manifest.rows and rows != manifest.rows:
        names = sorted(name for name in rows.keys() | manifest.rows.keys() if rows.get(name) != manifest.rows.get(name))
        raise BackupError(
            f"{DAMAGED}: its table {names[0]!r} has {rows.get(names[0], 0):,} rows, and the manifest says "
            f"{manifest.rows.get(names[0], 0):,}. Use another backup."
        )
    return rows


def _prepare_database(
    path: Path, manifest: Manifest, home: Path, actor: str | None, file: str, done: dict[str, object]
) -> int:
    """Upgrade an unpacked database, let it point to its new home, and return how many keys of programs were revoked.

    The restore is in its audit log before anybody can open it.
    """
    engine = make_engine(f"sqlite:///{path}")
    try:
        upgrade_to_head(engine)
        point_to_new_home(engine, manifest.home, str(home))
        with session_factory(engine, writing=True).begin() as session:
            num_revoked = 0
            if not done["is_verified"]:
                # Anyone who changed a backup could have put a key of their own into it.
                key = tables.ApiKey
                ended = update(key).where(key.revoked_at.is_(None)).values(revoked_at=utc_now())
                num_revoked = num_changed(session.execute(ended))
            record_event(session, actor, AuditAction.RESTORE, file, **done)
    except DatabaseProblem as problem:
        raise BackupError(f"The database in {file} cannot be used: {problem}") from problem
    # What is stored as a document may hold anything once somebody has changed the file.
    except (SQLAlchemyError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BackupError(f"{DAMAGED} ({type(error).__name__}: {error}). {ANOTHER}") from error
    finally:
        engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    require_whole(path, "The upgraded database is damaged", "Use another backup.")
    require_schema(path, "The database in the backup is not a desk's", ANOTHER)
    return num_revoked
