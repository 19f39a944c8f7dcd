"""Reads the members of zip archives without trusting anything they say about themselves.

No archive stays open: each member is read through a handle of its own, from the place that the one
listing of the directory found, so that threads share nothing and no directory is parsed twice.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core.errors import UnreadableFileError
from core.radiograph.rejection import RejectionReason
from core.reasons import (
    ArchiveDamaged,
    ArchiveEmpty,
    ArchiveOverlaps,
    ArchiveTooFull,
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
"""Pictures shrink by far less; only members above `SMALL_MEMBER_BYTES` are measured by it."""
SMALL_MEMBER_BYTES = 10 * 10**6
MOST_MEMBERS = 200_000
CHUNK_BYTES = 1 << 18

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
    members = directory_of(path, max_archive_bytes)
    num_files = 0
    for name, info in sorted(((member_name(info), info) for info in members), key=lambda pair: pair[0]):
        if not name or name.endswith("/"):
            continue
        if leads_outside(name):
            yield name, _outside()
        elif any(is_hidden(part) for part in PurePosixPath(name).parts):
            continue
        else:
            name = PurePosixPath(name).as_posix()
            yield name, problem_of(name, info, max_file_bytes) or info
        num_files += 1
    if not num_files:
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNREADABLE, ArchiveEmpty())


def read_member(path: Path, info: zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """Return what a member holds; never unpacks more than `limit_bytes` or than the member says it has.

    Raises OSError and UnreadableFileError.
    """
    return b"".join(chunks_of(path, info, limit_bytes))


def write_member(path: Path, info: zipfile.ZipInfo, limit_bytes: int, target: Path) -> int:
    """Write what a member holds to a new file, a piece at a time, and return its size; raises as `read_member`."""
    num_bytes = 0
    with target.open("xb") as sink:
        for chunk in chunks_of(path, info, limit_bytes):
            num_bytes += sink.write(chunk)
    return num_bytes


def chunks_of(path: Path, info: zipfile.ZipInfo, limit_bytes: int) -> Iterator[bytes]:
    """Yield a member in pieces; that it was damaged may be known only after the last. Raises as `read_member`."""
    largest, num_bytes, checksum = min(limit_bytes, info.file_size), 0, 0
    with path.open("rb") as archive:
        archive.seek(info.header_offset)
        header = archive.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise _damaged()
        _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        archive.seek(name_length + extra_length, 1)
        for chunk in _inflated(archive, info):
            num_bytes += len(chunk)
            if num_bytes > largest:
                raise too_large(limit_bytes) if num_bytes > limit_bytes else _damaged()
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
    if num_bytes != info.file_size or checksum != info.CRC:
        raise _damaged()


def _inflated(archive: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what the packed bytes that follow come to, in pieces of at most `CHUNK_BYTES`."""
    left, inflater = info.compress_size, zlib.decompressobj(-zlib.MAX_WBITS)
    # One byte more than it says is enough to know that it lies.
    most = min(CHUNK_BYTES, info.file_size + 1)
    while left > 0 and (packed := archive.read(min(CHUNK_BYTES, left))):
        left -= len(packed)
        if info.compress_type == zipfile.ZIP_STORED:
            yield packed
            continue
        try:
            while packed:
                yield inflater.decompress(packed, most)
                packed = inflater.unconsumed_tail
        except zlib.error as error:
            raise _damaged() from error


def too_large(limit_bytes: int) -> UnreadableFileError:
    """Return the error for a file above the limit."""
    return UnreadableFileError(RejectionReason.FILE_TOO_LARGE, FileTooLarge(limit_bytes))


def directory_of(path: Path, max_archive_bytes: int) -> list[zipfile.ZipInfo]:
    """Return what an archive says it holds, if it may be opened at all.

    Raises OSError, and UnreadableFileError if the directory is damaged, names too many members, unpacks to more than
    the limit, or if members lie over one another, as in an archive that unpacks the same bytes again and again.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except PermissionError:
        raise
    except _DIRECTORY_ERRORS as error:
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNREADABLE, ArchiveDamaged(str(error)[:80])) from error
    if len(members) > MOST_MEMBERS:
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNSAFE, ArchiveTooFull(MOST_MEMBERS))
    if sum(info.file_size for info in members) > max_archive_bytes:
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNSAFE, ArchiveTooLarge(max_archive_bytes))
    if do_overlap(members):
        raise UnreadableFileError(RejectionReason.ARCHIVE_UNSAFE, ArchiveOverlaps())
    return members


def do_overlap(members: Iterable[zipfile.ZipInfo]) -> bool:
    """Return whether members lie over one another, as in an archive that unpacks the same bytes again and again."""
    end = 0
    for info in sorted(members, key=lambda info: info.header_offset):
        if info.header_offset < end:
            return True
        end = info.header_offset + _LOCAL_HEADER.size + info.compress_size
    return False


def member_name(info: zipfile.ZipInfo) -> str:
    """Return the name with posix separators, as UTF-8 where some packers leave out that flag."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME_FLAG:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/")


def leads_outside(name: str) -> bool:
    """Return whether a member's name leads out of the folder that it is unpacked into."""
    return name.startswith("/") or ".." in name.split("/") or name[1:2] == ":"


def _outside() -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.ARCHIVE_UNSAFE, MemberOutside())


def is_locked(info: zipfile.ZipInfo) -> bool:
    """Return whether a member needs a password."""
    return bool(info.flag_bits & _ENCRYPTED_FLAGS)


def is_packed_commonly(info: zipfile.ZipInfo) -> bool:
    """Return whether a member is stored or deflated, the ways that are unpacked here."""
    return info.compress_type in _METHODS


def problem_of(name: str, info: zipfile.ZipInfo, max_file_bytes: int) -> UnreadableFileError | None:
    """Return why a member is not read at all, by what the directory says."""
    unsafe, unreadable = RejectionReason.ARCHIVE_UNSAFE, RejectionReason.ARCHIVE_UNREADABLE
    if is_locked(info):
        return UnreadableFileError(unreadable, MemberLocked())
    if name.lower().endswith(".zip"):
        return UnreadableFileError(unreadable, ArchiveWithin())
    if not is_packed_commonly(info):
        return UnreadableFileError(unreadable, MemberPackedUncommonly())
    if info.file_size > SMALL_MEMBER_BYTES and info.file_size > MOST_COMPRESSION * info.compress_size:
        return UnreadableFileError(unsafe, MemberSwells(MOST_COMPRESSION))
    return too_large(max_file_bytes) if info.file_size > max_file_bytes else None


def _damaged() -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.READ_ERROR, MemberDamaged())
