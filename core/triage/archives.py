"""Reads the members of zip archives without trusting anything they say about themselves.

No archive stays open: each member is read through a handle of its own, from the place that the one
listing of the directory found, so that threads share nothing and no directory is parsed twice.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from core.errors import UnreadableFileError
from core.radiograph.rejection import RejectionReason
from core.reasons import (
    ArchiveDamaged,
    ArchiveEmpty,
    ArchiveTooLarge,
    ArchiveWithin,
    FileTooLarge,
    MemberDamaged,
    MemberLocked,
    MemberOutside,
    MemberPackedUncommonly,
    MemberSwells,
)

MOST_COMPRESSION = 200
"""Pictures shrink by far less; only members above `SMALL_MEMBER_BYTES` are judged by it."""
SMALL_MEMBER_BYTES = 10 * 10**6

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED_FLAGS = 0x1 | 0x40
_UTF8_NAME_FLAG = 0x800
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DIRECTORY_ERRORS = (
    zipfile.BadZipFile,
    OSError,
    ValueError,
    NotImplementedError,
    EOFError,
    OverflowError,
    struct.error,
)
"""What zipfile is known to raise for damaged or foreign directories."""


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is left out: dot files, and what macOS adds to zips."""
    return name.startswith(".") or name == "__MACOSX"


def is_archive(path: Path, name: str) -> bool:
    """Return whether a file is an archive or the remains of one by its name; a picture named .zip is still a picture.

    Raises OSError.
    """
    if not name.lower().endswith(".zip"):
        return False
    with path.open("rb") as file:
        return file.read(2) == b"PK" or zipfile.is_zipfile(file)


def list_members(
    path: Path, *, max_file_bytes: int, max_archive_bytes: int
) -> Iterator[tuple[str, zipfile.ZipInfo | UnreadableFileError]]:
    """Yield every file of an archive that is not hidden, sorted, as its name and how to read it or why not.

    Raises UnreadableFileError if the archive as a whole cannot be opened or says that it unpacks to more than
    `max_archive_bytes`.
    """
    members = _directory(path)
    if sum(info.file_size for info in members) > max_archive_bytes:
        raise UnreadableFileError(
            RejectionReason.ARCHIVE_UNSAFE,
            ArchiveTooLarge(max_archive_bytes),
        )
    num_files = 0
    for name, info in sorted(((_member_name(info), info) for info in members), key=lambda pair: pair[0]):
        if not name or name.endswith("/"):
            continue
        if _leads_outside(name):
            yield name, _outside()
        elif any(is_hidden(part) for part in PurePosixPath(name).parts):
            continue
        else:
            name = PurePosixPath(name).as_posix()
            yield name, _problem(name, info, max_file_bytes) or info
        num_files += 1
    if not num_files:
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNREADABLE, ArchiveEmpty())


def read_member(path: Path, info: zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """Return what a member holds; never unpacks more than `limit_bytes` or than the member says it has.

    Raises OSError and UnreadableFileError.
    """
    largest = min(limit_bytes, info.file_size)
    with path.open("rb") as archive:
        archive.seek(info.header_offset)
        header = archive.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise _damaged()
        _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        archive.seek(name_length + extra_length, 1)
        # Deflate grows by 5 bytes in 16 KB at the very worst; a member that says more is lying.
        packed = archive.read(min(info.compress_size, largest + largest // 1000 + 1024))
    content = packed if info.compress_type == zipfile.ZIP_STORED else _inflate(packed, largest + 1)
    if len(content) > limit_bytes:
        raise too_large(limit_bytes)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise _damaged()
    return content


def too_large(limit_bytes: int) -> UnreadableFileError:
    """Return the error for a file above the limit."""
    return UnreadableFileError(RejectionReason.FILE_TOO_LARGE, FileTooLarge(limit_bytes))


def _directory(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except PermissionError:
        raise
    except _DIRECTORY_ERRORS as error:
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNREADABLE, ArchiveDamaged(str(error)[:80])) from error


def _member_name(info: zipfile.ZipInfo) -> str:
    """Return the name with posix separators, as UTF-8 where some packers leave out to say so."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME_FLAG:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/")


def _leads_outside(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or name[1:2] == ":"


def _outside() -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.ARCHIVE_UNSAFE, MemberOutside())


def _problem(name: str, info: zipfile.ZipInfo, max_file_bytes: int) -> UnreadableFileError | None:
    """Return why a member is not read at all, judged by what the directory says."""
    unsafe, unreadable = RejectionReason.ARCHIVE_UNSAFE, RejectionReason.ARCHIVE_UNREADABLE
    if info.flag_bits & _ENCRYPTED_FLAGS:
        return UnreadableFileError(unreadable, MemberLocked())
    if name.lower().endswith(".zip"):
        return UnreadableFileError(unreadable, ArchiveWithin())
    if info.compress_type not in _METHODS:
        return UnreadableFileError(unreadable, MemberPackedUncommonly())
    if info.file_size > SMALL_MEMBER_BYTES and info.file_size > MOST_COMPRESSION * info.compress_size:
        return UnreadableFileError(unsafe, MemberSwells(MOST_COMPRESSION))
    return too_large(max_file_bytes) if info.file_size > max_file_bytes else None


def _inflate(packed: bytes, most_bytes: int) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most_bytes)
    except zlib.error as error:
        raise _damaged() from error


def _damaged() -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.READ_ERROR, MemberDamaged())
