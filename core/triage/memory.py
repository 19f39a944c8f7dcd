"""How this process asks the system for memory, where many images pass through it."""

import ctypes
import sys

_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
_KEPT_BYTES = 256 * 2**20


def keep_freed_memory() -> None:
    """Let the C library keep the memory of an image for the next one, where that library is glibc.

    By default every buffer of a few megabytes is taken from the system and given back: its pages are cleared again
    for each image, which costs an eighth of triage. See `mallopt(3)`.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
