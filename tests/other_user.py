"""Runs a piece of a test as a user without rights: root may read everything, so root cannot test permissions."""

import os
from collections.abc import Callable

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)


def as_nobody(work: Callable[[], str]) -> str:
    """Return what `work` returns in a process of a user without rights."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"the child did not answer"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = work().encode()
        finally:
            os.write(sender, answer)
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as answers:
        answer = answers.read().decode()
    os.waitpid(child, 0)
    return answer
