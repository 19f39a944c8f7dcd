"""Files that nobody but the desk's own user can read."""

import os
import stat
from contextlib import suppress
from pathlib import Path

FOR_OTHERS = 0o077
"""Rights that neither the home nor a file in it gives to others."""


def keep_files_private() -> None:
    """Let whatever this process and those it starts write from now on be its user's own, in the home and outside."""
    os.umask(FOR_OTHERS)


def close_to_others(path: Path) -> None:
    """Take from other users what an earlier version, or anyone who made a folder, gave them."""
    # Not one's own, or vanished just now: then there is nothing to take.
    with suppress(OSError):
        mode = path.stat().st_mode
        # A folder that all users share, such as /tmp, stays theirs.
        if mode & FOR_OTHERS and not mode & stat.S_ISVTX:
            path.chmod(stat.S_IMODE(mode) & ~FOR_OTHERS)
