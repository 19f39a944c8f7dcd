"""The lock on a desk's home: every process shares it while it has the desk open, and a restore holds it alone.

It is the operating system's (`flock`), so it goes with its process, however that ends. It reaches as far as the file
system does: processes of one machine, in containers that share the home as a volume too, and of several machines on
a network file system that passes such locks on. Where there are none (some network shares, Windows) the desk opens
without, and a restore is refused.
"""

import errno
import logging
import os
import shlex
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from core.errors import DatabaseError, SettingsError
from core.language import tr

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = "desk.lock"
HELD = {errno.EWOULDBLOCK, errno.EACCES}
LOCKS = Path("/proc/locks")
LONGEST_COMMAND = 80
log = logging.getLogger(__name__)


class HomeHeldError(DatabaseError):
    """Another process holds the home of a desk in a way that this one cannot share."""


class HomeLock:
    """One process's hold on a home; it ends with `release`, with the last reference to it, or with the process."""

    def __init__(self, home: Path) -> None:
        self._home = home
        try:
            self._descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(
                tr(
                    "The file {file} cannot be written ({strerror}). Let this user write it and its folder, or set "
                    "PNEUMODESK_HOME to another folder.",
                    file=home / LOCK_FILE,
                    strerror=error.strerror,
                )
            ) from error
        self._finalizer = weakref.finalize(self, os.close, self._descriptor)

    def share(self) -> None:
        """Hold the home beside others; raises HomeHeldError while a restore works there."""
        try:
            self._lock(shared=True)
        except OSError as error:
            if error.errno in HELD:
                raise HomeHeldError(
                    tr(
                        "A backup is being restored into {home}. Wait until that has ended, then try again.",
                        home=self._home,
                    )
                ) from error
            log.warning("%s cannot be locked (%s): a restore cannot see this process.", self._home, error.strerror)

    def take_alone(self) -> None:
        """Hold the home with nobody beside; raises HomeHeldError, which says who has it open."""
        try:
            self._lock(shared=False)
        except OSError as error:
            if error.errno in HELD:
                raise HomeHeldError(
                    tr(
                        "The desk in {home} is open in {holders}. Stop that first: what a reader said meanwhile would "
                        "be lost.",
                        home=self._home,
                        holders=self._holders(),
                    )
                ) from error
            raise HomeHeldError(
                tr(
                    "Whether the desk in {home} is open cannot be known, because its file system has no locks "
                    "({strerror}). Restore into a home on a local disk and move that there.",
                    home=self._home,
                    strerror=error.strerror,
                )
            ) from error

    def unlock(self) -> None:
        """Let others have the home for a moment; `share` or `take_alone` take it again."""
        if fcntl is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def release(self) -> None:
        """Let the home go for good; harmless at any time."""
        self._finalizer()

    def _lock(self, *, shared: bool) -> None:
        if fcntl is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _holders(self) -> str:
        """Return the words for who holds the home, as far as this system tells."""
        inode = os.fstat(self._descriptor).st_ino
        names = [_name_process(pid) for pid in sorted(_pids_with_lock(inode))]
        return " and in ".join(names) or "another process, perhaps in another container or on another machine"


@contextmanager
def held_alone(home: Path) -> Iterator[HomeLock]:
    """Hold a home alone inside the block; raises HomeHeldError."""
    lock = HomeLock(home)
    try:
        lock.take_alone()
        yield lock
    finally:
        lock.release()


def _pids_with_lock(inode: int) -> set[int]:
    pids = set()
    with suppress(OSError):
        for line in LOCKS.read_text(encoding="ascii").splitlines():
            # `1: FLOCK  ADVISORY  READ 10933 fe:00:4243475 0 EOF`; what waits for a lock has `->` before its kind.
            fields = line.split()
            if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
                pids.add(int(fields[4]))
    return pids


def _name_process(pid: int) -> str:
    if pid == os.getpid():
        return f"this very process ({pid})"
    try:
        command = shlex.join(psutil.Process(pid).cmdline())
    except psutil.Error:
        command = ""
    shown = "".join(letter for letter in command if letter.isprintable())[:LONGEST_COMMAND]
    return f"process {pid} ({shown})" if shown else f"process {pid}"
