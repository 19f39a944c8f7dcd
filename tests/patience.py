"""How long a test waits for what must come: a machine that is busy is slow, and that is no fault."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 240
PATIENCE_MS = PATIENCE_SECONDS * 1000


def wait_until(holds: Callable[[], object], say: Callable[[], object] = lambda: "") -> None:
    """Wait until something holds; what `say` returns then is in the failure."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited too long: {say()}"
        time.sleep(0.05)
