"""Work is claimed by one process, found lost when that process is gone, and stopped when asked."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session, sessionmaker

from core.errors import DatabaseError
from core.reasons import Said, store
from core.runs.heartbeat import Heartbeat
from core.runs.process_identity import ProcessIdentity
from core.runs.work import launch
from core.runs.work_queue import SECONDS_OF_SILENCE, WorkQueue
from db.base import utc_now
from db.engine import make_engine, session_factory
from db.models import Run
from db.states import State
from db.upgrade import upgrade_to_head
from tests.patience import PATIENCE_SECONDS

WORK = WorkQueue(Run)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = make_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    upgrade_to_head(engine)
    return engine


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    sessions = session_factory(engine, writing=True)
    with sessions.begin() as session:
        session.add(
            Run(
                id="one",
                name="one",
                config={},
                cohort_fingerprint="",
                split_fingerprint="",
                environment={},
                folder="",
            )
        )
    return sessions


def end_as(session: Session, state: State, sentence: str | None = None) -> None:
    reasons = None if sentence is None else store([Said(sentence)])
    session.execute(update(Run).values(state=state.value, reasons=reasons, finished_at=utc_now()))


def state_of(sessions: sessionmaker[Session]) -> str:
    with sessions() as session:
        return session.get_one(Run, "one").state


def test_only_one_of_two_gets_the_work(sessions) -> None:
    """A second claim of the same work is refused while the first holds it."""
    with sessions.begin() as session:
        assert WORK.claim(session, "one")
    with sessions.begin() as session:
        assert not WORK.claim(session, "one")
    assert state_of(sessions) == State.RUNNING


@pytest.mark.parametrize("ended", [State.STOPPED, State.LOST, State.FAILED])
def test_ended_work_can_be_taken_up_again(sessions, ended: State) -> None:
    """Stopped, lost and failed work can be claimed again, and is then clean of its old end."""
    with sessions.begin() as session:
        end_as(session, ended, "broke")
    with sessions.begin() as session:
        assert WORK.claim(session, "one")
    with sessions() as session:
        run = session.get_one(Run, "one")
        assert (run.state, run.reasons, run.finished_at) == (State.RUNNING, None, None)


def test_completed_work_is_never_begun_again(sessions) -> None:
    """A completed record does not change."""
    with sessions.begin() as session:
        end_as(session, State.COMPLETED)
    with sessions.begin() as session:
        assert not WORK.claim(session, "one")
        WORK.request_stop(session, "one")
    assert state_of(sessions) == State.COMPLETED


def test_work_of_a_living_process_is_left_alone(sessions) -> None:
    """While its process runs, work is not lost, however old its heartbeat is."""
    with sessions.begin() as session:
        WORK.claim(session, "one")
        session.execute(update(Run).values(heartbeat_at=utc_now() - timedelta(hours=5)))
    with sessions.begin() as session:
        assert WORK.reconcile(session) == []


@pytest.mark.parametrize("change", ["killed", "rebooted", "number used again"])
def test_work_whose_process_is_gone_is_lost(sessions, change: str) -> None:
    """A killed process, another boot, or another process under the same number all leave the work lost."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessIdentity.of(process.pid)
    values = {"state": "running", **identity.columns()}
    if change == "rebooted":
        values["boot_id"] = "another boot"
    if change == "number used again":
        values["process_started"] = identity.started - 100
    with sessions.begin() as session:
        session.execute(update(Run).values(**values))
    if change == "killed":
        process.kill()
        # Dead, and not collected: a zombie must count as dead.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with sessions.begin() as session:
        assert WORK.reconcile(session) == ["one"]
    assert state_of(sessions) == State.LOST
    process.kill()
    process.wait()


def test_work_that_never_began_is_stopped_at_once(sessions) -> None:
    """Stopping queued work needs no process to answer, and a process that comes too late does not begin it."""
    with sessions.begin() as session:
        WORK.request_stop(session, "one")
    assert state_of(sessions) == State.STOPPED
    with sessions.begin() as session:
        assert not WORK.claim(session, "one")
        assert WORK.requeue(session, "one") and WORK.claim(session, "one")


def test_queued_work_is_lost_only_after_its_process_had_time_to_start(sessions) -> None:
    """Work queued just now is waiting; work queued long ago with no process is lost."""
    with sessions.begin() as session:
        assert WORK.reconcile(session) == []
        session.execute(update(Run).values(created_at=utc_now() - timedelta(minutes=5)))
    with sessions.begin() as session:
        assert WORK.reconcile(session) == ["one"]


def test_unfinished_work_waits_again_and_no_other_does(sessions) -> None:
    """Lost work of long ago is queued again and has its time to start; running and completed work stays as it is."""
    long_ago = utc_now() - timedelta(days=1)
    with sessions.begin() as session:
        end_as(session, State.LOST, "gone")
        session.execute(update(Run).values(created_at=long_ago, heartbeat_at=long_ago))
        assert WORK.requeue(session, "one")
        assert WORK.reconcile(session) == []
        assert session.get_one(Run, "one").reasons is None
        assert WORK.claim(session, "one")
        assert not WORK.requeue(session, "one")
        end_as(session, State.COMPLETED)
        assert not WORK.requeue(session, "one")
    assert state_of(sessions) == State.COMPLETED


def test_the_heartbeat_writes_and_listens(sessions, monkeypatch) -> None:
    """A heartbeat moves the stored moment and hears that the work should stop."""
    monkeypatch.setattr("core.runs.heartbeat.SECONDS_BETWEEN_BEATS", 0.05)
    with sessions.begin() as session:
        WORK.claim(session, "one")
        session.execute(update(Run).values(heartbeat_at=utc_now() - timedelta(hours=1)))
    with Heartbeat(sessions.begin, WORK, "one") as heartbeat:
        assert not heartbeat.should_stop
        with sessions.begin() as session:
            WORK.request_stop(session, "one")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not heartbeat.should_stop and time.monotonic() < deadline:
            time.sleep(0.02)
        assert heartbeat.should_stop
    with sessions() as session:
        assert utc_now() - session.get_one(Run, "one").heartbeat_at < timedelta(minutes=1)


def test_a_heartbeat_outlives_database_errors(sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop is heard although the database failed three times before."""
    monkeypatch.setattr("core.runs.heartbeat.SECONDS_BETWEEN_BEATS", 0.01)
    failures = ["first", "second", "third"]

    @contextmanager
    def transaction() -> Iterator[Session]:
        if failures:
            raise DatabaseError(f"The {failures.pop(0)} try fails.")
        with sessions.begin() as session:
            yield session

    with sessions.begin() as session:
        WORK.claim(session, "one")
        WORK.request_stop(session, "one")
    with Heartbeat(transaction, WORK, "one") as heartbeat:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not heartbeat.should_stop and time.monotonic() < deadline:
            time.sleep(0.01)
        assert heartbeat.should_stop
    assert failures == []


def test_work_of_before_hosts_were_recorded_is_judged_by_its_sign_of_life(sessions) -> None:
    """Of a row without a host nobody knows whose its process is: it is lost when it has been silent, not before."""
    with sessions.begin() as session:
        gone = ProcessIdentity(pid=2**22 - 1, started=1.0, boot_id="any")
        session.execute(update(Run).values(state="running", **gone.columns(), heartbeat_at=utc_now()))
        assert WORK.reconcile(session) == []
        session.execute(update(Run).values(heartbeat_at=utc_now() - timedelta(seconds=SECONDS_OF_SILENCE + 1)))
        assert WORK.reconcile(session) == ["one"]


def test_what_was_asked_to_stop_and_is_gone_is_stopped(sessions) -> None:
    """What was wanted is no loss, of whatever kind the work is."""
    with sessions.begin() as session:
        WORK.claim(session, "one")
        assert WORK.request_stop(session, "one")
        session.execute(update(Run).values(pid=2**22 - 1))
        assert WORK.reconcile(session) == []
    assert state_of(sessions) == State.STOPPED


def test_work_that_was_taken_for_lost_is_taken_up_again_by_the_next_beat(sessions) -> None:
    """A process that could not be heard for a while continues with what nobody else was given."""
    with sessions.begin() as session:
        WORK.claim(session, "one")
        end_as(session, State.LOST, "silent")
    heartbeat = Heartbeat(sessions.begin, WORK, "one")
    heartbeat.beat()
    assert heartbeat.is_held and not heartbeat.should_stop
    with sessions() as session:
        run = session.get_one(Run, "one")
        assert (run.state, run.reasons, run.finished_at) == (State.RUNNING, None, None)


@pytest.mark.parametrize("taken", [True, False])
def test_work_that_was_given_to_another_is_left_to_it(sessions, taken: bool) -> None:
    """A process that was silent too long stops, and writes nothing over what the other one does or waits to do."""
    with sessions.begin() as session:
        WORK.claim(session, "one")
        end_as(session, State.LOST, "silent")
        WORK.requeue(session, "one")
        if taken:
            WORK.claim(session, "one")
            session.execute(update(Run).values(host="another"))
    heartbeat = Heartbeat(sessions.begin, WORK, "one")
    heartbeat.beat()
    assert heartbeat.should_stop and not heartbeat.is_held
    with sessions.begin() as session:
        assert not WORK.finish(session, "one", State.FAILED, Said("mine"))
    assert state_of(sessions) == (State.RUNNING if taken else State.QUEUED)


def test_a_launched_process_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    """A launched process writes to its log, is no part of our terminal's session, and leaves no zombie."""
    log = tmp_path / "deep" / "log.txt"
    pid = launch(["json.tool", "--help"], log)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (not log.exists() or "usage" not in log.read_text() or Path(f"/proc/{pid}").exists()) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert "usage" in log.read_text()
    assert not Path(f"/proc/{pid}").exists()
