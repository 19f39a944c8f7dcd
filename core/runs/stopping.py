"""How a run that was asked to stop is brought to its end: the one place of its deadlines.

A worker hears the request within a second, ends its step or its batch and writes a checkpoint. One that has not ended
after two seconds gets SIGTERM, which it hears even where it cannot read the database. One that still continues when a
step of its own and ten seconds have passed is killed: its last checkpoint is whole, because each is written beside the
one before.
"""

from datetime import datetime, timedelta
from enum import Enum, auto

SECONDS_UNTIL_TERM = 2.0
SECONDS_BEYOND_STEP = 10.0
# The supervisor looks twice a second, and a killed process takes a moment to be gone.
SECONDS_TO_BE_SEEN = 1.0


class Press(Enum):
    """What is due with a run that was asked to stop."""

    WAIT = auto()
    ASK = auto()
    KILL = auto()


def press_due(asked_at: datetime, now: datetime, seconds_per_step: float | None) -> Press:
    """Return what is due, by when the stop was asked for and how long the run's steps take (None if not known)."""
    # Both ways, because the clock may have been set back since.
    waited = abs(now - asked_at)
    if waited >= timedelta(seconds=(seconds_per_step or 0.0) + SECONDS_BEYOND_STEP - SECONDS_TO_BE_SEEN):
        return Press.KILL
    return Press.ASK if waited >= timedelta(seconds=SECONDS_UNTIL_TERM) else Press.WAIT
