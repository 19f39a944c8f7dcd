"""Finds the picture files below a folder, whatever they are called and whatever else lies there."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from core.dataset.problems import FilmProblem
from core.errors import CohortError
from core.language import tr
from core.radiograph.formats import ENDINGS, NUM_HEAD_BYTES, looks_like_image

_NO_PICTURES = {"dicomdir", "metadata.csv"}


class FoundFile(NamedTuple):
    """A picture file: its path below the root with "/" between the parts, size, time and what keeps it from use."""

    file: str
    num_bytes: int
    modified_ns: int
    problem: FilmProblem | None = None


class Walk(NamedTuple):
    """What lies below a folder, each sorted by name: pictures, other files, and links that were not followed.

    A link is not followed if it leads to a folder that is read by another way: to one above it, say, which would never
    end.
    """

    pictures: list[FoundFile]
    other_files: list[str]
    cut_links: list[str]


def walk_pictures(root: Path) -> Walk:
    """Return what lies below `root`.

    Hidden files are left out. Links are followed; a folder reached by two ways is entered once, by its own name
    rather than by a link, so that the result does not depend on the order the file system gives. A name that is
    no text is written with escapes. Raises CohortError if the root itself cannot be opened.
    """
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise CohortError(
            tr(
                "The folder {root} cannot be opened ({strerror}). Check its permissions.",
                root=root,
                strerror=error.strerror,
            )
        ) from error
    walk = _walk(root)
    found = walk.pictures
    found.sort()
    strange = [place for place, film in enumerate(found) if not _is_text(film.file)]
    if strange:
        taken = {film.file for film in found}
        for place in strange:
            name = os.fsencode(found[place].file).decode("utf-8", "backslashreplace")
            while name in taken:
                name += "'"
            taken.add(name)
            found[place] = FoundFile(name, 0, 0, FilmProblem.UNDECODABLE_NAME)
        found.sort()
    return Walk(found, sorted(map(_as_text, walk.other_files)), sorted(map(_as_text, walk.cut_links)))


def _as_text(name: str) -> str:
    return name if _is_text(name) else os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_text(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(root: Path) -> Walk:
    walk = Walk([], [], [])
    seen: set[tuple[int, int]] = set()
    folders = [(str(root), "")]
    links: list[tuple[str, str]] = []
    while folders or links:
        if not folders:
            # By name, not by the file system's order.
            links.sort(reverse=True)
        folder, prefix = (folders or links).pop()
        try:
            status = os.stat(folder)  # noqa: PTH116 - a Path for each of many folders costs more than the call.
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        _look(entry, prefix, walk, folders, links)
            else:
                walk.cut_links.append(prefix.rstrip("/"))
        except FileNotFoundError:
            continue  # The folder went away while we looked: what it held is not there.
        except OSError:
            walk.pictures.append(FoundFile(prefix.rstrip("/"), 0, 0, FilmProblem.FOLDER_NOT_READ))
    return walk


def _look(
    entry: os.DirEntry[str],
    prefix: str,
    walk: Walk,
    folders: list[tuple[str, str]],
    links: list[tuple[str, str]],
) -> None:
    """Add the entry to what was found, or to the folders that are still to be entered."""
    name = entry.name
    if name.startswith(".") or name == "__MACOSX":
        return
    # Files of these names are taken for pictures unopened; of all others the first bytes decide.
    is_picture = name.lower().endswith(ENDINGS)
    try:
        if entry.is_dir():
            (links if entry.is_symlink() else folders).append((entry.path, f"{prefix}{name}/"))
        elif is_picture or _holds_picture(entry):
            status = entry.stat()
            problem = None if stat.S_ISREG(status.st_mode) else FilmProblem.NO_REGULAR_FILE
            walk.pictures.append(FoundFile(prefix + name, status.st_size, status.st_mtime_ns, problem))
        else:
            walk.other_files.append(prefix + name)
    except OSError as error:
        if not is_picture:
            walk.cut_links.append(prefix + name)
        elif problem := _problem_of(error, entry):
            walk.pictures.append(FoundFile(prefix + name, 0, 0, problem))


def _holds_picture(entry: os.DirEntry[str]) -> bool:
    """Return whether a file of any other name begins as a picture does, as the exports of many archives do."""
    if entry.name.lower() in _NO_PICTURES or not entry.is_file():
        return False
    try:
        with Path(entry.path).open("rb") as stream:
            return looks_like_image(stream.read(NUM_HEAD_BYTES))
    except PermissionError:
        return False


def _problem_of(error: OSError, entry: os.DirEntry[str]) -> FilmProblem | None:
    """A link that leads nowhere is a finding; a file that went away while we looked is simply gone."""
    if isinstance(error, FileNotFoundError):
        return FilmProblem.MISSING_FILE if entry.is_symlink() else None
    return FilmProblem.FOLDER_NOT_READ if isinstance(error, PermissionError) else FilmProblem.NO_REGULAR_FILE
