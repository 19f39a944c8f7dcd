"""The queue of runs: who is next, who is lost, and that no clock, reboot or second supervisor confuses it."""

import dataclasses
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from core.runs.process_identity import ProcessIdentity
from core.runs.queueing import claim_run, put_right, take_next, worker_of
from core.services.desk import Desk
from core.services.training import TrainRequest, record_run
from core.training.config import TrainingConfig
from db import models as tables
from db.models import utc_now
from db.states import State
from tests.small_desk import small_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path)


def queued(desk: Desk, **choices: object) -> str:
    config = TrainingConfig.model_validate(choices)
    return record_run(desk, TrainRequest(data=desk.settings.home, config=config))


def carried_out_by(desk: Desk, run_id: str, worker: ProcessIdentity) -> None:
    with desk.transaction() as session:
        assert claim_run(session, run_id)
        run = session.get_one(tables.Run, run_id)
        run.pid, run.process_started, run.boot_id = worker.pid, worker.started, worker.boot_id


def righted(desk: Desk, run_id: str) -> tables.Run:
    with desk.transaction() as session:
        put_right(session)
    with desk.reading() as session:
        return session.get_one(tables.Run, run_id)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"boot_id": "the boot before"}, "lost power"),
        ({"started": 1.0}, "killed"),
        ({"pid": 2**22 - 1}, "killed"),
    ],
)
def test_a_run_whose_process_is_gone_is_lost_and_says_why(desk: Desk, change: dict[str, object], kind: str) -> None:
    """After a reboot it lost power; where its number is another's now, or nobody's, it was killed."""
    run_id = queued(desk)
    carried_out_by(desk, run_id, dataclasses.replace(ProcessIdentity.current(), **change))
    run = righted(desk, run_id)
    assert (run.state, run.failure["kind"]) == ("lost", kind)
    assert "goes on from its last checkpoint" in run.failure["next_step"]


def test_the_run_of_a_living_process_is_left_alone(desk: Desk) -> None:
    """However old its sign of life, and also where the clock was set back so that it lies ahead."""
    run_id = queued(desk)
    carried_out_by(desk, run_id, ProcessIdentity.current())
    for hours in (-5, 5):
        with desk.transaction() as session:
            session.get_one(tables.Run, run_id).heartbeat_at = utc_now() + timedelta(hours=hours)
        assert righted(desk, run_id).state == "running"


@pytest.mark.parametrize(("minutes", "state"), [(-5, "queued"), (5, "queued"), (-0.5, "starting"), (0.5, "starting")])
def test_a_handed_out_run_that_nobody_took_waits_again(desk: Desk, minutes: float, state: str) -> None:
    """A minute after it was handed out by any clock: one set back by hours does not leave it starting for ever."""
    run_id = queued(desk)
    with desk.transaction() as session:
        assert take_next(session) == [run_id]
        session.get_one(tables.Run, run_id).heartbeat_at = utc_now() + timedelta(minutes=minutes)
    assert righted(desk, run_id).state == state


def test_a_run_that_was_asked_to_stop_and_is_gone_is_stopped(desk: Desk) -> None:
    """What was wanted is no failure."""
    run_id = queued(desk)
    carried_out_by(desk, run_id, dataclasses.replace(ProcessIdentity.current(), boot_id="the boot before"))
    with desk.transaction() as session:
        session.get_one(tables.Run, run_id).state = State.STOPPING.value
    run = righted(desk, run_id)
    assert (run.state, run.failure) == ("stopped", None)


def test_of_many_that_take_at_once_one_gets_the_run(desk: Desk) -> None:
    """Eight threads that look for work at one moment hand a run out once, and claim it once."""
    run_id = queued(desk)
    taken: list[str] = []
    claimed: list[bool] = []
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        with desk.transaction() as session:
            taken.extend(take_next(session))
        with desk.transaction() as session:
            claimed.append(claim_run(session, run_id))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [run_id]
    assert sum(claimed) == 1
    with desk.reading() as session:
        assert worker_of(session.get_one(tables.Run, run_id)) == ProcessIdentity.current()
