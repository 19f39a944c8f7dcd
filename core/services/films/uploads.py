"""Uploads: files that a browser sends, large ones by themselves, into a folder of their own in the desk's home."""

import errno
import filecmp
import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import InputNotFoundError, PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.signed_urls import is_signed, sign
from core.services.films.deidentification import plain_file
from core.services.films.pseudonyms import study_number
from core.services.films.upload_names import UploadNameError, safe_name
from core.services.films.zip_deidentification import drop_from_archive
from core.settings import MEGABYTE
from core.triage.archives import is_archive

CLOSED_FILE = "closed"
PARTIAL_FOLDER = "partial"
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


class UploadTooLargeError(PneumoDeskError):
    """A file that is above the desk's limit."""


class NameTakenError(PneumoDeskError):
    """A different file of the same name has arrived before."""


class DiskFullError(PneumoDeskError):
    """The disk of the desk's home has no room left."""


@dataclass(frozen=True)
class SentFile:
    """A file as the browser sees it; images of two patients may share name and size, but hardly the moment too."""

    name: str
    num_bytes: int
    modified_ms: int | None = None

    def is_at(self, place: Path) -> bool:
        """Return whether this file lies at a place."""
        try:
            status = place.stat()
        except OSError:
            return False
        is_same_age = self.modified_ms is None or status.st_mtime_ns // 10**6 == self.modified_ms
        return status.st_size == self.num_bytes and is_same_age


@dataclass(frozen=True)
class UploadSummary:
    """What has arrived of an upload, as it lies on disk."""

    upload_id: str
    folder: Path
    num_files: int
    num_bytes: int


def new_upload_id() -> str:
    """Return an id that cannot be guessed; nothing is written before the first file arrives."""
    return secrets.token_hex(16)


def upload_folder(desk: Desk, upload_id: str) -> Path:
    """Return the folder that holds the received files, to be given to triage; raises InputNotFoundError."""
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise InputNotFoundError(tr("There is no such upload."))
    return desk.settings.home / "uploads" / upload_id / "files"


def upload_token(desk: Desk, upload_id: str) -> str:
    """Return the signature that lets a browser send files to one upload."""
    return sign(desk, f"upload {upload_id}")


def may_upload(desk: Desk, upload_id: str, token: str) -> bool:
    """Return whether a token was made for this upload and still holds, and the upload is not closed."""
    is_open = is_signed(desk, f"upload {upload_id}", token)
    return is_open and not (upload_folder(desk, upload_id).parent / CLOSED_FILE).exists()


def close_upload(desk: Desk, upload_id: str) -> None:
    """Take no more files into an upload, so that what a batch reads does not change under it."""
    folder = upload_folder(desk, upload_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / CLOSED_FILE).touch()


def describe_upload(desk: Desk, upload_id: str) -> UploadSummary:
    """Count the files that have fully arrived."""
    folder = upload_folder(desk, upload_id)
    num_files = num_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            num_files += 1
            num_bytes += (Path(parent) / name).stat().st_size
    return UploadSummary(upload_id, folder, num_files, num_bytes)


def missing_files(desk: Desk, upload_id: str, files: Sequence[SentFile]) -> list[int]:
    """Return the positions of the files that have not fully arrived."""
    folder = upload_folder(desk, upload_id)
    return [number for number, file in enumerate(files) if not _is_here(desk, folder, file)]


def limit_bytes(desk: Desk, name: str) -> int:
    """Return how large a file of this name may be: archives may be larger than images."""
    settings, is_large = desk.settings, name.lower().endswith(".zip")
    return settings.max_archive_bytes if is_large else settings.max_file_bytes


class IncomingFile:
    """One file on its way to disk: hidden until it is whole, gone if it never becomes so.

    `write` and `finish` raise UploadTooLargeError, DiskFullError, NameTakenError or PneumoDeskError in a sentence.
    """

    def __init__(self, desk: Desk, upload_id: str, name: str) -> None:
        self._desk = desk
        self._folder = upload_folder(desk, upload_id)
        self._name = name
        self._place = _place(desk, self._folder, name)
        self._is_plain = not desk.settings.keep_identifiers
        self._limit = limit_bytes(desk, name)
        self._partial = self._folder.with_name(PARTIAL_FOLDER) / secrets.token_hex(16)
        self._file: BinaryIO | None = None
        self.num_bytes = 0

    def refuse_if_above_limit(self, num_bytes: int) -> None:
        """Raise UploadTooLargeError for a size, announced or received, that is above the limit."""
        if num_bytes > self._limit:
            raise UploadTooLargeError(
                tr(
                    "{name} is larger than {limit} MB, the desk's limit.",
                    name=self._name,
                    limit=self._limit // MEGABYTE,
                )
            )

    def write(self, content: bytes | bytearray) -> None:
        """Append to the file."""
        self.num_bytes += len(content)
        self.refuse_if_above_limit(self.num_bytes)
        try:
            if self._file is None:
                self._partial.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._partial.open("xb", buffering=0)
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._sentence(error) from error

    def finish(self, modified_ms: int | None = None) -> None:
        """Give the whole file its name; raises NameTakenError if a file of other content has it."""
        self.write(b"")
        sent = SentFile(self._name, self.num_bytes, modified_ms)
        try:
            if self._file is not None:
                self._file.close()
            if self._is_plain:
                self._drop_identifiers()
            if modified_ms is not None:
                os.utime(self._partial, ns=(modified_ms * 10**6, modified_ms * 10**6))
            self._place.parent.mkdir(parents=True, exist_ok=True)
            # Uncompressed images of one detector are all of one size: only their content tells two of them apart.
            if self._place.exists() and not (
                _has_arrived(self._folder, self._place, sent) and filecmp.cmp(self._partial, self._place, shallow=False)
            ):
                raise NameTakenError(
                    tr(
                        "Another file called {name} has arrived before: give one of the two another name.",
                        name=self._name,
                    )
                )
            if self._partial.stat().st_size != self.num_bytes:
                receipt = _receipt(self._folder, self._place)
                receipt.parent.mkdir(exist_ok=True)
                receipt.write_text(str(self.num_bytes))
            self._partial.replace(self._place)
            self._file = None
        except OSError as error:
            raise self._sentence(error) from error

    def _drop_identifiers(self) -> None:
        """Leave the image alone of what arrived, before it has a name under which anybody could find it."""
        if is_archive(self._partial, self._name):
            drop_from_archive(self._desk, self._partial, self._name)
        else:
            content = self._partial.read_bytes()
            plain = plain_file(self._desk, self._name, content)
            if plain != content:
                self._partial.write_bytes(plain)

    def discard(self) -> None:
        """Remove what has arrived unless the file was finished; harmless at any time."""
        if self._file is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def _sentence(self, error: OSError) -> PneumoDeskError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError("The desk's disk is full: make room, then send the remaining files again.")
        return PneumoDeskError(f"{self._name} could not be written ({error.strerror}).")


def keep_small_files(desk: Desk, upload_id: str, files: Sequence[SentFile], contents: Sequence[bytes]) -> list[int]:
    """Keep files that came together, and return the positions of those that were kept.

    Why another was not is said when it is sent by itself.
    """
    kept = []
    for number, (file, content) in enumerate(zip(files, contents, strict=True)):
        with suppress(PneumoDeskError):
            incoming = IncomingFile(desk, upload_id, file.name)
            try:
                incoming.write(content)
                incoming.finish(file.modified_ms)
                kept.append(number)
            finally:
                incoming.discard()
    return kept


def _place(desk: Desk, folder: Path, name: str) -> Path:
    """Return where a file is kept: under its own name made safe, or its study number."""
    safe = safe_name(name)
    if not desk.settings.study_numbers:
        return folder / safe
    return folder / f"{study_number(desk, name)}{'.zip' if safe.lower().endswith('.zip') else ''}"


def _receipt(folder: Path, place: Path) -> Path:
    """Return where it is noted how large a file was when it came, if it is kept without its identifiers."""
    name = hashlib.sha256(str(place.relative_to(folder)).encode()).hexdigest()
    return folder.with_name("received") / name


def _has_arrived(folder: Path, place: Path, file: SentFile) -> bool:
    if file.is_at(place):
        return True
    try:
        num_bytes = int(_receipt(folder, place).read_text())
        is_same_age = file.modified_ms is None or place.stat().st_mtime_ns // 10**6 == file.modified_ms
    except (OSError, ValueError):
        return False
    return num_bytes == file.num_bytes and is_same_age


def _is_here(desk: Desk, folder: Path, file: SentFile) -> bool:
    try:
        return _has_arrived(folder, _place(desk, folder, file.name), file)
    except UploadNameError:
        return False
