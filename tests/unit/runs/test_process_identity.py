"""Whether a process of the past is still the one that runs."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.runs.process_identity import ProcessIdentity

PROJECT_ROOT = Path(__file__).resolve().parents[3]


def test_this_process_is_alive():
    """The running test sees itself, with its own number."""
    identity = ProcessIdentity.current()
    assert identity.pid == os.getpid()
    assert identity.boot_id
    assert identity.is_alive()


def test_it_is_the_same_when_read_again_and_from_outside():
    """A child sees its parent by the identity that the parent gave it, also after a trip through text."""
    mine = ProcessIdentity.current()
    code = (
        "import sys; from core.runs.process_identity import ProcessIdentity as P; "
        "print(P(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]).is_alive())"
    )
    arguments = [str(mine.pid), repr(mine.started), mine.boot_id]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
    assert mine == ProcessIdentity.current()


def test_another_start_boot_or_number_is_dead():
    """The same number with another start or boot is another process, and a number without a process is dead."""
    mine = ProcessIdentity.current()
    assert not dataclasses.replace(mine, started=mine.started - 60).is_alive()
    assert not dataclasses.replace(mine, boot_id="another boot").is_alive()
    free = next(pid for pid in range(2**22 - 1, 2, -1) if not psutil.pid_exists(pid))
    assert not dataclasses.replace(mine, pid=free).is_alive()


def test_a_killed_process_is_dead_before_it_is_collected():
    """A child that was killed counts as dead while it is still a zombie, and afterwards."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity.is_alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert not identity.is_alive()
    child.wait()
    assert not identity.is_alive()
    child.stdin.close()


def test_a_number_without_a_process_has_no_identity():
    """Asking for the identity of nobody is an error, not an identity that is dead."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(psutil.NoSuchProcess):
        ProcessIdentity.of(child.pid)
