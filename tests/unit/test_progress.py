"""How far work is, and how long it still takes, is computed by one rule."""

import pytest

from core.progress import Progress, counted, mean_seconds


@pytest.mark.parametrize(
    ("elapsed", "num_done", "num_all", "left"),
    [(10.0, 5, 20, 30.0), (10.0, 20, 20, 0.0), (10.0, 0, 20, None), (0.0, 5, 20, None), (10.0, 25, 20, 0.0)],
)
def test_the_rest_takes_as_long_as_what_was_done(
    elapsed: float, num_done: int, num_all: int, left: float | None
) -> None:
    """15 more at 2 s each are 30 s; before the first is done nobody knows, and time left is never below 0."""
    each = mean_seconds(elapsed, num_done)
    assert Progress("reading", num_done, num_all, seconds_each=each).seconds_left == left


def test_a_count_is_told_as_progress_of_its_stage() -> None:
    """Work that knows only how many are done is shown under the stage it belongs to."""
    told: list[Progress] = []
    counted("indexing", told.append)(3, 7)
    assert told == [Progress("indexing", 3, 7)]
