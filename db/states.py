"""The states that a run or a batch can be in; the `state` column is the only truth about it."""

from enum import StrEnum


class State(StrEnum):
    """Life of a piece of work, from queued to one of four ends."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will be written to this record."""
        return self in {State.COMPLETED, State.STOPPED, State.FAILED, State.LOST}
