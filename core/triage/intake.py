"""Finds every file that triage has to answer for: in folders, in zips, or named one by one."""

import os
import stat
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from core.errors import InputNotFoundError, UnreadableFileError
from core.language import tr
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.rejection import RejectionReason
from core.reasons import FileGone, NotAFile, NotPermitted, OpenFailed, Reason
from core.triage.archives import is_archive, is_hidden, list_members, read_member, too_large


@dataclass(frozen=True)
class Candidate:
    """A file to be read: its name on the list, its place, and the member if that place is an archive."""

    name: str
    path: Path
    member: str | None = None
    member_info: zipfile.ZipInfo | None = field(default=None, repr=False, compare=False)

    @property
    def stored_path(self) -> str:
        """The file's place as text that any database and document can hold; `place_of` finds the file by it."""
        place = str(self.path)
        try:
            place.encode()
        except UnicodeEncodeError:
            # As old Windows shares have them: bytes that are no UTF-8. An address spells every byte in plain letters.
            return self.path.absolute().as_uri()
        return place

    def read_bytes(self, limit_bytes: int) -> bytes:
        """Return the file's content; safe in any thread.

        Raises UnreadableFileError if it is above `limit_bytes`, not permitted, gone or damaged.
        """
        try:
            if self.member_info is not None:
                return read_member(self.path, self.member_info, limit_bytes)
            # Without a buffer of Python's own, one read fetches the whole file.
            with self.path.open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size > limit_bytes:
                    raise too_large(limit_bytes)
                content = file.readall()
        except OSError as error:
            raise _unreadable(error) from error
        except MemoryError as error:
            raise too_large(limit_bytes) from error
        if len(content) > limit_bytes:
            raise too_large(limit_bytes)
        return content


def place_of(stored_path: str) -> Path:
    """Return the file that a `stored_path` names."""
    scheme = "file://"
    if not stored_path.startswith(scheme):
        return Path(stored_path)
    return Path(os.fsdecode(unquote_to_bytes(stored_path.removeprefix(scheme))))


@dataclass(frozen=True)
class IntakeProblem:
    """Something that cannot even be tried: its name on the list, the kind of refusal and the reason in full."""

    name: str
    reason: str
    why: Reason


def gather(
    paths: Sequence[Path], *, max_file_bytes: int, max_archive_bytes: int
) -> Iterator[Candidate | IntakeProblem]:
    """Yield every file under the paths that is not hidden, whatever its ending, in sorted order, each name once.

    Zips are opened wherever they lie. Links are followed; each folder is read once, under its own name before
    that of a link. Raises InputNotFoundError at once, before anything is read, if a path does not exist.
    """
    for path in paths:
        _require(path)
    return _gather(paths, max_file_bytes, max_archive_bytes)


def _gather(paths: Sequence[Path], max_file_bytes: int, max_archive_bytes: int) -> Iterator[Candidate | IntakeProblem]:
    names = _Names()
    for number, path in enumerate(paths):
        prefix = "" if number == 0 else (path if _is_folder(path) else path.absolute().parent).resolve().name
        for place in _walk(path):
            if place.problem is not None:
                yield _problem(names.claim(place.relative, prefix), place.problem)
            elif _may_be_zip(place.path):
                yield from _members(place, prefix, names, max_file_bytes, max_archive_bytes)
            else:
                yield Candidate(names.claim(place.relative, prefix), place.path)


class _Names:
    """Names given so far; a second file of the same name gets its PATH's name before it, then a number."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def claim(self, name: str, prefix: str) -> str:
        """Return a name that no other file has."""
        # Bytes that are no UTF-8 would break every table and file the name is written to.
        name = os.fsencode(name).decode("utf-8", "replace")
        wanted = name
        if wanted in self._given and prefix:
            wanted = f"{os.fsencode(prefix).decode('utf-8', 'replace')}/{name}"
        base, number = PurePosixPath(wanted), 1
        while wanted in self._given:
            number += 1
            wanted = str(base.with_name(f"{base.stem} ({number}){base.suffix}"))
        self._given.add(wanted)
        return wanted


@dataclass(frozen=True)
class _Place:
    relative: str
    path: Path
    problem: UnreadableFileError | None = None
    is_regular: bool = False


def _require(path: Path) -> None:
    try:
        path.stat()
    except PermissionError:
        return
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise InputNotFoundError(tr("There is no file or folder {path}: check the path.", path=path)) from error
    except OSError as error:
        raise InputNotFoundError(
            tr("{path} cannot be opened ({strerror}): check the path.", path=path, strerror=error.strerror)
        ) from error


def _walk(root: Path) -> Iterator[_Place]:
    """Yield the regular files under a path; folders behind links come last, so that real names win."""
    visited: set[tuple[int, int]] = set()
    links: deque[_Place] = deque()
    # A stack of our own: folders may nest deeper than Python's calls.
    stack = [_Place("", root)]
    root_name = root.name or root.resolve().name or str(root)
    while stack or links:
        place = stack.pop() if stack else links.popleft()
        if place.is_regular:
            yield place
            continue
        name = place.relative or root_name
        try:
            status = place.path.stat()
            if stat.S_ISREG(status.st_mode):
                yield _Place(name, place.path)
            elif not stat.S_ISDIR(status.st_mode):
                yield _Place(name, place.path, _not_a_file())
            elif (status.st_dev, status.st_ino) not in visited:
                visited.add((status.st_dev, status.st_ino))
                near, linked = _children(place)
                stack.extend(reversed(near))
                links.extend(linked)
        except OSError as error:
            yield _Place(name, place.path, _unreadable(error))


def _children(folder: _Place) -> tuple[list[_Place], list[_Place]]:
    """Return what lies in a folder and is not hidden, sorted by name, and the links to folders apart."""
    near: list[_Place] = []
    linked: list[_Place] = []
    with os.scandir(folder.path) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_hidden(entry.name):
                continue
            relative = f"{folder.relative}/{entry.name}" if folder.relative else entry.name
            # The folder's listing mostly says what an entry is: no need to ask again of every image.
            place = _Place(relative, folder.path / entry.name, is_regular=entry.is_file(follow_symlinks=False))
            (linked if entry.is_symlink() and _is_folder(place.path) else near).append(place)
    return near, linked


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _may_be_zip(path: Path) -> bool:
    try:
        return is_archive(path, path.name)
    except OSError:
        return False


def _members(
    archive: _Place, prefix: str, names: _Names, max_file_bytes: int, max_archive_bytes: int
) -> Iterator[Candidate | IntakeProblem]:
    limits = {"max_file_bytes": max_file_bytes, "max_archive_bytes": max_archive_bytes}
    try:
        with typed_file_errors():
            yield from _each_member(archive, prefix, names, limits)
    except UnreadableFileError as error:
        yield _problem(names.claim(archive.relative, prefix), error)


def _each_member(
    archive: _Place, prefix: str, names: _Names, limits: dict[str, int]
) -> Iterator[Candidate | IntakeProblem]:
    try:
        for member, found in list_members(archive.path, **limits):
            name = names.claim(f"{archive.relative}/{member}", prefix)
            if isinstance(found, UnreadableFileError):
                yield _problem(name, found)
            else:
                yield Candidate(name, archive.path, member, found)
    except OSError as error:
        raise _unreadable(error) from error


def _problem(name: str, error: UnreadableFileError) -> IntakeProblem:
    return IntakeProblem(name, error.reason, error.why)


def _not_a_file() -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.READ_ERROR, NotAFile())


def _unreadable(error: OSError) -> UnreadableFileError:
    if isinstance(error, PermissionError):
        return UnreadableFileError(RejectionReason.NO_PERMISSION, NotPermitted())
    if isinstance(error, FileNotFoundError):
        return UnreadableFileError(RejectionReason.READ_ERROR, FileGone())
    return UnreadableFileError(RejectionReason.READ_ERROR, OpenFailed(str(error.strerror)))
