"""A supervisor looks often at runs that have just begun, seldom at those that take long, and at once sees a change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.runs import supervisor
from core.runs.supervisor import SECONDS_BETWEEN_LOOKS, rest
from core.services.desk import Desk
from core.services.runs.requests import TrainRequest, record_run
from core.training.config import TrainingConfig
from db import models as tables
from db.states import State
from tests.small_desk import small_desk


class Clock:
    """Time that passes only while somebody sleeps; at a moment something may happen."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self.moment, self.happens = float("inf"), lambda: None

    def at(self, moment: float, happens: Callable[[], None]) -> None:
        self.moment, self.happens = moment, happens

    def monotonic(self) -> float:
        return sum(self.sleeps)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if self.monotonic() >= self.moment:
            self.moment = float("inf")
            self.happens()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", clock)
    return clock


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path)


def add(desk: Desk, state: State) -> str:
    return record_run(desk, TrainRequest(data=desk.settings.home, config=TrainingConfig()), state)


@pytest.mark.parametrize(("seconds_unchanged", "num_glances"), [(0.0, 25), (5.0, 5), (3600.0, 1)])
def test_the_longer_runs_take_the_rarer_the_glances(
    desk: Desk, clock: Clock, seconds_unchanged: float, num_glances: int
) -> None:
    """Half a second holds 25 glances at new runs, 5 at runs of five seconds, and one at those of an hour."""
    add(desk, State.RUNNING)
    assert not rest(desk.reading, seconds_unchanged)
    even = [SECONDS_BETWEEN_LOOKS / num_glances] * num_glances
    # A last one may be left of what cannot be halved exactly.
    assert clock.sleeps[:num_glances] == pytest.approx(even)
    assert sum(clock.sleeps[num_glances:]) < 1e-9


@pytest.mark.parametrize(("before", "after"), [(State.RUNNING, State.COMPLETED), (State.QUEUED, State.RUNNING)])
def test_a_run_that_begins_or_ends_ends_the_rest(desk: Desk, clock: Clock, before: State, after: State) -> None:
    """What changes after 50 ms is seen at the next glance, the third, not at the next look."""
    add(desk, State.RUNNING)
    run_id = add(desk, before)

    def change() -> None:
        with desk.transaction() as session:
            session.get_one(tables.Run, run_id).state = after.value

    clock.at(0.05, change)
    assert rest(desk.reading, 0.0)
    assert clock.sleeps == pytest.approx([0.02] * 3)


def test_what_goes_on_unchanged_or_only_waits_ends_no_rest(desk: Desk, clock: Clock) -> None:
    """A heartbeat, or another run that comes to wait, is no news to a supervisor at rest."""
    run_id = add(desk, State.RUNNING)

    def move() -> None:
        with desk.transaction() as session:
            session.get_one(tables.Run, run_id).progress = {"num_done": 1}
        add(desk, State.QUEUED)

    clock.at(0.05, move)
    assert not rest(desk.reading, 0.0)
