"""How far a piece of work is, and how long it still takes: one type and one rule for everything that takes time."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How many of what a stage counts (images, steps, files, runs) are done, and how many seconds each takes."""

    stage: str
    num_done: int
    num_all: int
    detail: str = ""
    seconds_each: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the pace so far; None as long as that is not known."""
        return None if self.seconds_each is None else self.seconds_each * max(0, self.num_all - self.num_done)


OnProgress = Callable[[Progress], None]
OnCount = Callable[[int, int], None]
"""Is told how many are done, of how many, by work that does not know in which stage it is."""


def tell_nobody(progress: Progress) -> None:
    """Let nobody know of progress."""


def count_for_nobody(num_done: int, num_all: int) -> None:
    """Let nobody know of a count."""


def counted(stage: str, on_progress: OnProgress) -> OnCount:
    """Return what tells counts as progress of a stage."""
    return lambda num_done, num_all: on_progress(Progress(stage, num_done, num_all))


def mean_seconds(elapsed: float, num_done: int) -> float | None:
    """Return the seconds that each took on average, None before the first is done."""
    return elapsed / num_done if num_done > 0 and elapsed > 0 else None
