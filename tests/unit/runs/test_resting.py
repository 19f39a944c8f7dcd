"""A supervisor looks often at runs that have just begun, seldom at those that take long, and at once sees a change."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.runs import supervisor
from core.runs.supervisor import SECONDS_BETWEEN_LOOKS, rest


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.num_sleeps = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.num_sleeps += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", clock)
    return clock


class Rows:
    """A session in which the runs that go on change after some moment."""

    def __init__(self, clock: Clock, change_at: float) -> None:
        self._clock, self._change_at = clock, change_at

    def scalars(self, _query: object) -> list[str]:
        return ["first"] if self._clock.now < self._change_at else ["second"]

    @contextmanager
    def reading(self) -> Iterator["Rows"]:
        yield self


@pytest.mark.parametrize(("seconds_unchanged", "num_glances"), [(0.0, 25), (5.0, 5), (3600.0, 1)])
def test_the_longer_runs_take_the_rarer_the_glances(clock: Clock, seconds_unchanged: float, num_glances: int) -> None:
    """Half a second holds 25 glances at new runs, 5 at runs of five seconds, and one at those of an hour."""
    assert not rest(Rows(clock, change_at=1e9).reading, seconds_unchanged)
    assert clock.num_sleeps == pytest.approx(num_glances, abs=1)
    assert clock.now == pytest.approx(SECONDS_BETWEEN_LOOKS)


def test_a_change_ends_the_rest(clock: Clock) -> None:
    """A run that ends after 50 ms is seen at the next glance, not at the next look."""
    assert rest(Rows(clock, change_at=0.05).reading, 0.0)
    assert 0.05 <= clock.now < 0.08
