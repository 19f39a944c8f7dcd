"""What a backup looks like: a zip with the database, the files, a list of all of them, and a signed manifest."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from zipfile import ZipFile, ZipInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import PneumoDeskError
from core.language import mark, tr
from core.services.desk.home_lock import LOCK_FILE
from core.services.desk.home_swap import ASIDE_PREFIX, STAGING
from core.triage.archives import do_overlap, is_locked, is_packed_commonly, leads_outside

FORMAT = 2
UNSIGNED_FORMAT = 1
MANIFEST = "pneumodesk-backup.json"
LISTING = "pneumodesk-backup-files.jsonl"
SIGNATURE = "pneumodesk-backup.signature"
DATABASE = "pneumodesk.db"
KEY_FILE = "backup.key"
# Made again at need, tied to this machine, or a secret that does not go with what it protects.
LEFT_OUT = ("caches", "signing.key", KEY_FILE, LOCK_FILE, STAGING, MANIFEST, LISTING, SIGNATURE)
LEFT_OUT_ENDINGS = (".lock", ".db", ".db-wal", ".db-shm", ".part")
MOST_MANIFEST_BYTES = 64_000
MOST_LISTING_BYTES = 500_000_000
MOST_FILES = 2_000_000
SIGNED_AS = b"pneumodesk backup\n"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class BackupError(PneumoDeskError):
    """A backup that cannot be made or brought back."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)


class Manifest(_Document):
    """What a backup says of itself; anything else in it is left unread."""

    format: Literal[1, 2]
    home: str = Field(min_length=1, max_length=4096)
    made_at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    num_files: Count
    rows: dict[str, Count] = Field(
        default_factory=dict, description=mark("How many rows each table of the database has.")
    )
    listing: Sha256 | None = Field(default=None, description=mark("The hash of the list of files."))
    key: str | None = Field(default=None, pattern=r"^[0-9a-f]{12}$", description=mark("Which key signed it."))


class ListedFile(_Document):
    """One member of a backup, as it was when the backup was made."""

    name: str = Field(min_length=1, max_length=4096)
    size: Count
    sha256: Sha256


@dataclass(frozen=True)
class Contents:
    """What a backup says it holds, before any of it is unpacked; `listed` is None for one of the unsigned format."""

    members: list[ZipInfo]
    manifest: Manifest
    signed_bytes: bytes
    signature: str
    listed: dict[str, ListedFile] | None

    def is_signed_with(self, key: bytes) -> bool:
        """Return whether this very manifest, and so all that it lists, was signed with a key."""
        return hmac.compare_digest(signature_of(self.signed_bytes, key), self.signature)


def signature_of(manifest: bytes, key: bytes) -> str:
    """Return the signature of a manifest, which names the hash of the list, which names those of all files."""
    return hmac.digest(key, SIGNED_AS + manifest, "sha256").hex()


def name_of_key(key: bytes) -> str:
    """Return what tells a key from others without giving it away."""
    return hashlib.sha256(b"name of a backup key\n" + key).hexdigest()[:12]


def is_kept(name: str) -> bool:
    """Return whether a file of the home belongs into a backup: never a cache, a key, a lock or another database."""
    first, *rest = PurePosixPath(name).parts
    if first == DATABASE and not rest:
        return True
    if first in LEFT_OUT or first.startswith(ASIDE_PREFIX):
        return False
    return bool(rest) or not first.endswith(LEFT_OUT_ENDINGS)


def has_place(name: str) -> bool:
    """Return whether a file of a backup may be unpacked under this name in a home, whatever system the home is on."""
    return "\\" not in name and not leads_outside(name) and PurePosixPath(name).parts[:1] not in ((), (STAGING,))


def read_contents(file: Path, archive: ZipFile) -> Contents:
    """Return what a backup says it holds; raises BackupError for one that is none, is damaged or leads elsewhere."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if MANIFEST not in names or DATABASE not in names:
        raise BackupError(tr("{file} is no backup of a desk. `python -m core backup FILE` makes one.", file=file))
    if len(names) > MOST_FILES or len(set(names)) < len(names):
        raise BackupError(tr("{file} holds too many files, or several of one name. It is not restored.", file=file))
    for name in names:
        if not has_place(name):
            raise BackupError(
                tr(
                    "{file} holds {name!r}, which leads out of the desk's home. It is not restored.",
                    file=file,
                    name=name,
                )
            )
    if do_overlap(members) or any(is_locked(member) or not is_packed_commonly(member) for member in members):
        raise BackupError(tr("{file} is packed as no backup is. It is not restored.", file=file))
    signed_bytes = _read_part(file, archive, MANIFEST, MOST_MANIFEST_BYTES)
    manifest = _manifest(file, signed_bytes)
    if manifest.format == UNSIGNED_FORMAT:
        return Contents(members, manifest, signed_bytes, "", None)
    listing = _read_part(file, archive, LISTING, MOST_LISTING_BYTES)
    if hashlib.sha256(listing).hexdigest() != manifest.listing:
        raise BackupError(
            tr("The list of files in {file} is not the one that it was made with. Use another backup.", file=file)
        )
    signature = _read_part(file, archive, SIGNATURE, 1000).decode("ascii", "replace").strip()
    return Contents(members, manifest, signed_bytes, signature, _listed(file, listing, set(names)))


def _read_part(file: Path, archive: ZipFile, name: str, most_bytes: int) -> bytes:
    try:
        if archive.getinfo(name).file_size > most_bytes:
            raise BackupError(
                tr(
                    "{name}, the manifest or a part of it, is too large in {file}. It is not restored.",
                    name=name,
                    file=file,
                )
            )
    except KeyError as error:
        raise BackupError(
            tr("{file} lacks {name}, so its manifest is damaged. Use another backup.", file=file, name=name)
        ) from error
    return archive.read(name)


def _manifest(file: Path, content: bytes) -> Manifest:
    try:
        document = json.loads(content)
        if isinstance(document, dict) and isinstance(document.get("format"), int) and document["format"] > FORMAT:
            raise BackupError(tr("{file} was made by a newer PneumoDesk. Restore it with that version.", file=file))
        manifest = Manifest.model_validate(document)
    # Besides what is no JSON, a number too long to read and nesting too deep.
    except (ValidationError, ValueError, RecursionError) as error:
        raise BackupError(tr("The manifest of {file} is damaged. Use another backup.", file=file)) from error
    if not Path(manifest.home).is_absolute() or "\0" in manifest.home:
        raise BackupError(
            tr("The manifest of {file} is damaged: its home is no folder. Use another backup.", file=file)
        )
    return manifest


def _listed(file: Path, listing: bytes, names: set[str]) -> dict[str, ListedFile]:
    try:
        listed = {one.name: one for one in _lines(listing)}
    except (ValidationError, ValueError, RecursionError) as error:
        raise BackupError(tr("The list of files in {file} is damaged. Use another backup.", file=file)) from error
    if missing := sorted(set(listed) - names):
        raise BackupError(
            tr("{file} lacks {missing!r}, which it lists. Use another backup.", file=file, missing=missing[0])
        )
    if DATABASE not in listed:
        raise BackupError(tr("{file} lists no database. It is not restored.", file=file))
    return listed


def _lines(listing: bytes) -> Iterator[ListedFile]:
    for line in listing.splitlines():
        yield ListedFile.model_validate_json(line)
