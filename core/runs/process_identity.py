"""Names one process so surely that its number, used again by another or on another host, is never taken for it."""

import hashlib
import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import psutil

from core.settings import get_settings

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
MACHINE_ID_FILE = Path("/etc/machine-id")
NAMESPACE_FILE = Path("/proc/self/ns/pid")
# What Linux calls the process numbers of the machine itself, outside of all containers.
NAMESPACE_OF_MACHINE = "pid:[4026531836]"
START_TOLERANCE_SECONDS = 1.5
LONGEST_HOST_NAME = 96
# What follows the name of a process in /proc/PID/stat, which is in brackets and may hold anything: state is field 3.
FIELD_OF_START = 22 - 3


@dataclass(frozen=True)
class ProcessIdentity:
    """A process: its number, when it started (seconds since the boot), in which boot, and of which host.

    The host is None for processes that were recorded before hosts were.
    """

    pid: int
    started: float
    boot_id: str
    host: str | None = None

    @classmethod
    def current(cls) -> Self:
        """Return the identity of the calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of the process that has this number now; raises psutil.NoSuchProcess if none has."""
        return cls(pid=pid, started=_start_of(pid), boot_id=read_boot_id(), host=read_host())

    @classmethod
    def of_row(cls, row: Any) -> Self | None:
        """Return the process that a row of the database names, None if it names none."""
        if row.pid is None or row.process_started is None or row.boot_id is None:
            return None
        return cls(row.pid, row.process_started, row.boot_id, row.host)

    def columns(self) -> dict[str, Any]:
        """Return it as the database keeps it."""
        return {"pid": self.pid, "process_started": self.started, "boot_id": self.boot_id, "host": self.host}

    @property
    def is_here(self) -> bool:
        """Whether it is of this host, so that its number means something here."""
        return self.host == read_host()

    def is_alive(self) -> bool:
        """Return whether this very process still runs here; one that ended but was not yet collected is dead.

        Of another host's process nothing can be known here: ask `is_here` first.
        """
        if self.boot_id != read_boot_id() or self.host not in (None, read_host()):
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


@lru_cache(maxsize=1)
def read_host() -> str:
    """Return what tells this host from every other: all processes of one host see one another by their numbers.

    It is the setting, or else the machine's name with a digest of its id and, in a container, of the container's own
    numbering of processes; so two containers of one machine, or of one name, are two hosts.
    """
    named = get_settings().host
    if named:
        return named
    name = platform.node()[:LONGEST_HOST_NAME] or "unnamed"
    try:
        machine = MACHINE_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        machine = ""
    try:
        namespace = str(NAMESPACE_FILE.readlink())
    except OSError:
        namespace = NAMESPACE_OF_MACHINE
    # The machine's id is nobody's business; its digest tells machines apart as well.
    digest = hashlib.sha256(f"pneumodesk {machine} {name} {namespace.replace(NAMESPACE_OF_MACHINE, '')}".encode())
    return f"{name}-{digest.hexdigest()[:12]}"
