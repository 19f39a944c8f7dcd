"""Names one process so surely that its number, used again by another, is never taken for it."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import psutil

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
START_TOLERANCE_SECONDS = 1.5
# What follows the name of a process in /proc/PID/stat, which is in brackets and may hold anything: state is field 3.
FIELD_OF_START = 22 - 3


@dataclass(frozen=True)
class ProcessIdentity:
    """A process of this machine: its number, when it started (seconds since the boot) and in which boot."""

    pid: int
    started: float
    boot_id: str

    @classmethod
    def current(cls) -> Self:
        """Return the identity of the calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of the process that has this number now; raises psutil.NoSuchProcess if none has."""
        return cls(pid=pid, started=_start_of(pid), boot_id=read_boot_id())

    def is_alive(self) -> bool:
        """Return whether this very process still runs; one that ended but was not yet collected is dead."""
        if self.boot_id != read_boot_id():
            return False
        try:
            process = psutil.Process(self.pid)
            if abs(_start_of(self.pid) - self.started) > START_TOLERANCE_SECONDS:
                return False
            return process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            # Another user's process that may not be looked at exists all the same.
            return True


def _start_of(pid: int) -> float:
    """Return when a process started, by a clock that setting the wall clock does not move where there is one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return psutil.Process(pid).create_time()
    return int(stat.rpartition(")")[2].split()[FIELD_OF_START]) / os.sysconf("SC_CLK_TCK")


@lru_cache(maxsize=1)
def read_boot_id() -> str:
    """Return what tells this boot of the machine from every other."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        # Rounded, because the boot time of some systems moves by a second when the clock is set.
        return f"booted-{round(psutil.boot_time(), -1):.0f}"
