"""Uploads: files that a browser sends one by one into a folder of their own in the desk's home."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import InputNotFoundError, PneumoDeskError
from core.services.desk import Desk
from core.services.signatures import is_signed, sign
from core.services.upload_names import safe_name

MEGABYTE = 10**6
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


class UploadTooLargeError(PneumoDeskError):
    """A file that is above the desk's limit."""


class DiskFullError(PneumoDeskError):
    """The disk of the desk's home has no room left."""


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
        raise InputNotFoundError("There is no such upload.")
    return desk.settings.home / "uploads" / upload_id / "files"


def upload_token(desk: Desk, upload_id: str) -> str:
    """Return the signature that lets a browser send files to one upload."""
    return sign(desk, f"upload {upload_id}")


def may_upload(desk: Desk, upload_id: str, token: str) -> bool:
    """Return whether a token was made for this upload and still holds."""
    return is_signed(desk, f"upload {upload_id}", token)


def describe_upload(desk: Desk, upload_id: str) -> UploadSummary:
    """Count the files that have fully arrived."""
    folder = upload_folder(desk, upload_id)
    num_files = num_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            num_files += 1
            num_bytes += (Path(parent) / name).stat().st_size
    return UploadSummary(upload_id, folder, num_files, num_bytes)


def missing_files(desk: Desk, upload_id: str, files: Sequence[tuple[str, int]]) -> list[int]:
    """Return the positions of those (name, bytes) that have not fully arrived."""
    folder = upload_folder(desk, upload_id)
    return [place for place, (name, num_bytes) in enumerate(files) if not _has_arrived(folder, name, num_bytes)]


def discard_upload(desk: Desk, upload_id: str) -> None:
    """Delete an upload with everything in it; a batch that reads from it would lose its films."""
    folder = upload_folder(desk, upload_id).parent
    if folder.exists():
        shutil.rmtree(folder)


def limit_bytes(desk: Desk, name: str) -> int:
    """Return how large a file of this name may be: archives may be larger than films."""
    is_archive = name.lower().endswith(".zip")
    settings = desk.settings
    return (settings.max_archive_megabytes if is_archive else settings.max_file_megabytes) * MEGABYTE


class IncomingFile:
    """One file on its way to disk: hidden until it is whole, gone if it never becomes so.

    `write` and `finish` raise UploadTooLargeError, DiskFullError or PneumoDeskError in a sentence.
    """

    def __init__(self, desk: Desk, upload_id: str, name: str) -> None:
        self._folder = upload_folder(desk, upload_id)
        self._name = name
        self._place = self._folder / safe_name(name)
        self._limit = limit_bytes(desk, name)
        self._partial = self._folder.with_name("partial") / secrets.token_hex(16)
        self._file: BinaryIO | None = None
        self.num_bytes = 0

    def refuse_if_above_limit(self, num_bytes: int) -> None:
        """Raise UploadTooLargeError for a size, announced or received, that is above the limit."""
        if num_bytes > self._limit:
            raise UploadTooLargeError(f"{self._name} is larger than {self._limit // MEGABYTE} MB, the desk's limit.")

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

    def finish(self) -> None:
        """Give the whole file its name; one of the same name that came before is replaced."""
        self.write(b"")
        try:
            self._file.close()
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self._partial.replace(self._place)
        except OSError as error:
            raise self._sentence(error) from error

    def discard(self) -> None:
        """Remove what has arrived unless the file was finished; harmless at any time."""
        if self._file is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def _sentence(self, error: OSError) -> PneumoDeskError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError("The desk's disk is full: make room, then send the remaining files again.")
        return PneumoDeskError(f"{self._name} could not be written ({error.strerror}).")


def _has_arrived(folder: Path, name: str, num_bytes: int) -> bool:
    try:
        return (folder / safe_name(name)).stat().st_size == num_bytes
    except (OSError, PneumoDeskError):
        return False
