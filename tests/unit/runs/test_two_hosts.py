"""Two hosts on one database: neither prunes what the other carries out, and each finds what died."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.reasons import store
from core.runs import process_identity
from core.runs.executor import is_alive_here
from core.runs.process_identity import ProcessIdentity, read_host
from core.runs.queues import QUEUES
from core.runs.work_queue import SECONDS_OF_SILENCE
from core.services.desk import Desk
from core.services.runs.control import kill
from core.services.runs.requests import TrainRequest, record_run
from core.settings import get_settings
from core.work_reasons import WorkLost
from db import models as tables
from db.clock import database_now
from tests.small_desk import add_batch, small_desk
from tests.unit.db.conftest import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
ROOT = Path(__file__).resolve().parents[3]
MINE, THEIRS = ("my batch", "my import", "my run"), ("their batch", "their import", "their run")


@pytest.fixture
def as_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """This process as the host `here`."""
    monkeypatch.setenv("PNEUMODESK_HOST", "here")
    for kept in (get_settings, read_host):
        kept.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    for kept in (get_settings, read_host):
        kept.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, as_host: pytest.MonkeyPatch) -> Desk:
    """A desk on each kind of database, with two pieces of work of each kind that wait."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    desk = small_desk(tmp_path, database_url=url)
    for batch, examination, run in (MINE, THEIRS):
        add_batch(desk, [], batch_id=batch)
        record_run(desk, TrainRequest(data=tmp_path))
        with desk.transaction() as session:
            session.execute(update(tables.Run).where(tables.Run.id.not_in([MINE[2], THEIRS[2]])).values(id=run))
            session.execute(update(tables.Batch).where(tables.Batch.id == batch).values(state="queued"))
            session.execute(update(tables.Batch).values(created_at=database_now(session)))
            session.add(tables.Examination(id=examination, root=str(tmp_path), origin="folder"))
    return desk


def other_host(desk: Desk, skew: float) -> subprocess.Popen[str]:
    """Begin the other host and return it when it has claimed its work and found nothing lost."""
    words = [str(desk.settings.home), desk.settings.database_url, str(skew), *THEIRS]
    other = subprocess.Popen(
        [sys.executable, "-m", "tests.other_host", *words],
        cwd=ROOT,
        env={**os.environ, "PNEUMODESK_HOST": "there"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert [other.stdout.readline() for _ in range(4)] == ["\n", "\n", "\n", "claimed\n"]
    return other


def lost(desk: Desk) -> list[str]:
    with desk.transaction() as session:
        return [key for queue in QUEUES for key in queue.reconcile(session, is_alive_here)]


def test_each_leaves_the_others_living_work_alone_and_finds_its_dead(desk: Desk) -> None:
    """By their signs of life, though neither sees the other's processes and one clock of a server's users is an hour
    fast; what died is lost once it has been silent, not before, and says on which host it was."""
    with desk.transaction() as session:
        assert all(queue.claim(session, key) for queue, key in zip(QUEUES, MINE, strict=True))
    # On one machine, where an SQLite file is used, there is one clock.
    other = other_host(desk, 3600 if desk.settings.database_url else 0)
    try:
        assert lost(desk) == []
        kill(desk, THEIRS[2])
        assert other.poll() is None
        with desk.reading() as session:
            # Its process is not ours to end or to give up: it hears by itself that it should stop.
            assert session.get_one(tables.Run, THEIRS[2]).state == "stopping"
    finally:
        other.kill()
        other.wait()
    assert lost(desk) == []
    with desk.transaction() as session:
        for queue in QUEUES:
            silent = database_now(session) - timedelta(seconds=SECONDS_OF_SILENCE + 1)
            session.execute(update(queue.table).values(heartbeat_at=silent))
    assert lost(desk) == [*THEIRS[:2]]
    with desk.reading() as session:
        assert session.get_one(tables.Batch, THEIRS[0]).reasons == store([WorkLost("silent", "there")])
        # It had been asked to stop.
        assert session.get_one(tables.Run, THEIRS[2]).state == "stopped"
        mine = [
            session.scalar(select(q.table.state).where(q.table.id == key)) for q, key in zip(QUEUES, MINE, strict=True)
        ]
    assert mine == ["running"] * 3


def test_containers_of_one_machine_are_different_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine has one name for all its processes, and each container of it another, by its numbering of them."""
    hosts = set()
    for namespace in (process_identity.NAMESPACE_OF_MACHINE, "pid:[4026532201]", "pid:[4026532202]"):
        link = tmp_path / namespace
        link.symlink_to(namespace)
        monkeypatch.setattr(process_identity, "NAMESPACE_FILE", link)
        for _ in range(2):
            read_host.cache_clear()
            hosts.add(read_host())
    assert len(hosts) == 3
    read_host.cache_clear()


def test_a_process_of_another_host_is_never_taken_for_one_of_ours() -> None:
    """The same number, start and boot in another host is another process: alive here it is not, nor given up."""
    theirs = ProcessIdentity(**{**vars(ProcessIdentity.current()), "host": "there"})
    assert not theirs.is_here and not theirs.is_alive()
    assert is_alive_here(theirs)
