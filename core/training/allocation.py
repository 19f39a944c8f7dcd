"""Memory that training frees and at once needs again, kept in the process."""

import ctypes
import sys

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, up to the process's own peak, instead of handing it back to the system.

    A network's layers free and take the same hundreds of megabytes many times a second; each time the system would
    have to clear them. Does nothing where the C library is another than glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, LARGEST)
