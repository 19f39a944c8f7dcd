"""A backup brought back: read with suspicion, unpacked and checked beside the desk, then put in place in one step."""

import sqlite3
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputNotFoundError, UnreadableFileError
from core.language import tr
from core.services.desk.backup import database_file
from core.services.desk.backup_database import counted_rows, prepare_database
from core.services.desk.backup_files import unpack
from core.services.desk.backup_format import DATABASE, KEY_FILE, BackupError, read_contents
from core.services.desk.backup_keys import key_that_vouches, known_keys
from core.services.desk.home_lock import held_alone
from core.services.desk.home_swap import clear_staging, finish_swap, has_open_swap, new_staging, present_in, swap_in
from core.services.desk.private_files import keep_files_private
from core.settings import AppSettings

_DAMAGES = (
    *(OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error, sqlite3.Error),
    *(UnreadableFileError, UnicodeDecodeError, OverflowError, struct.error),
)
"""What a damaged backup or a full disk is known to raise."""


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
            tr(
                "A backup is restored with its database in the home. Unset PNEUMODESK_DATABASE_URL, which names "
                "{database_file}, or set it to {home}.",
                database_file=database_file(settings),
                home=home / DATABASE,
            )
        )
    if not asked.file.is_file():
        raise InputNotFoundError(tr("There is no file {file}.", file=asked.file))
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
    except _DAMAGES as error:
        raise BackupError(
            tr(
                "{file} cannot be restored into {home}: {error}. Nothing there was changed.",
                file=asked.file,
                home=home,
                error=error,
            )
        ) from error


def _refuse_occupied(home: Path, asked: RestoreRequest) -> None:
    present = present_in(home)
    if present and not asked.replace:
        raise BackupError(
            tr(
                "{home} is not empty. Set PNEUMODESK_HOME to a new folder, or restore with --replace, which moves "
                "what is there into a folder beside it.",
                home=home,
            )
        )
    if mounted := [path for path in present if path.is_mount()]:
        raise BackupError(
            tr("{mounted} is a mounted disk and cannot be moved aside. Unmount it and try again.", mounted=mounted[0])
        )


def _restore_alone(home: Path, asked: RestoreRequest, actor: str | None) -> RestoreSummary:
    keys = known_keys(home, asked.key_file)
    content = new_staging(home)
    with zipfile.ZipFile(asked.file) as archive:
        contents = read_contents(asked.file, archive)
    key = key_that_vouches(asked.file, contents, keys, accept_unverified=asked.accept_unverified)
    num_changed = unpack(asked.file, contents, content, accept_unverified=asked.accept_unverified)
    manifest = contents.manifest
    rows = counted_rows(content / DATABASE, manifest)
    is_verified = key is not None and not num_changed
    done = {"made_at": manifest.made_at, "is_verified": is_verified, "num_changed": num_changed}
    num_revoked = prepare_database(content / DATABASE, manifest, home, actor, asked.file.name, done)
    # From now on the desk signs with the key that vouched for it, or the one the home had.
    if kept_key := key or (keys[-1] if keys else None):
        place = content / KEY_FILE
        place.touch(mode=0o600)
        place.write_bytes(kept_key)
    swap_in(home, DATABASE)
    return RestoreSummary(num_files=manifest.num_files, rows=rows, num_revoked=num_revoked, **done)
