"""File names as browsers send them, made safe to be written to disk; each name keeps one place of its own."""

import hashlib
import re

from core.errors import PneumoDeskError
from core.language import tr

LONGEST_NAME = 1000
LONGEST_PART_BYTES = 180
MOST_PARTS = 32
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class UploadNameError(PneumoDeskError):
    """A file name that no folder picker sends: it points out of the folder it is written to."""


def safe_name(name: str) -> str:
    """Return the relative posix path under which an upload is kept.

    A part that had to be changed gets a hash of the whole name before its ending, so that two names never share a
    place. Raises UploadNameError for names that are empty, absolute, too long, or lead upwards.
    """
    if not name or "\x00" in name:
        raise UploadNameError(tr("The file has no name that can be saved."))
    if len(name) > LONGEST_NAME or name.count("/") >= MOST_PARTS:
        raise UploadNameError(tr("The file name {name}… is too long or too deeply nested.", name=name[:60]))
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise UploadNameError(tr("The file name {name!r} points out of its folder.", name=name))
    safe = [_safe_part(part) for part in parts]
    if safe != parts:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        stem, dot, ending = safe[-1].rpartition(".")
        safe[-1] = f"{stem}-{digest}.{ending}" if dot and stem else f"{safe[-1]}-{digest}"
    return "/".join(safe)


def _safe_part(part: str) -> str:
    safe = _UNSAFE.sub("_", part).rstrip(". ")
    # Hidden files are passed over by triage, and every file sent must get a row.
    if not safe or safe.startswith(".") or _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    if len(safe.encode()) > LONGEST_PART_BYTES:
        stem, dot, ending = safe.rpartition(".")
        ending = f"{dot}{ending}" if len(ending) <= 10 else ""
        safe = (stem or safe).encode()[: LONGEST_PART_BYTES - len(ending)].decode("utf-8", "ignore") + ending
    return safe
