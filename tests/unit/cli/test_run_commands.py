"""`python -m core runs …`, in this process and with nobody who carries out the queue."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from core.cli import runs as run_commands
from core.cli.commands import app
from core.errors import InputNotFoundError, TrainingError
from core.reasons import Said
from core.runs.failures import Failure, FailureKind
from core.runs.process_identity import ProcessIdentity
from core.runs.queueing import RUNS, end
from core.services.desk import Desk, open_desk
from core.services.experiments.annotations import delete_runs, restore_runs
from core.services.experiments.history import HistoryQuery, search_runs
from core.services.runs.control import find_run
from core.services.runs.listing import list_runs
from core.settings import get_settings
from db import models as tables
from db.states import State
from tests.named_processes import name_process
from tests.no_workers import let_nobody_work


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A home of its own, and no queue is carried out."""
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    let_nobody_work(monkeypatch)
    yield open_desk()
    get_settings.cache_clear()


def command(*words: str) -> Result:
    return CliRunner().invoke(app, words, catch_exceptions=False)


def told(*words: str, exit_code: int = 0) -> dict[str, Any]:
    """Return the one JSON document that a command prints."""
    done = command(*words, "--json")
    assert done.exit_code == exit_code, done.output
    return json.loads(done.stdout)


@pytest.fixture
def waiting(tmp_path: Path) -> str:
    """A run that waits in the queue."""
    return told("train", "--queue", "--data", str(tmp_path), "--epochs", "2", "--name", "first")["run_ids"][0]


def begun(desk: Desk, run_id: str) -> None:
    """Have this very process carry the run out, as far as the desk knows."""
    with desk.transaction() as session:
        assert RUNS.claim(session, run_id)


def ended(desk: Desk, run_id: str, state: State, failure: Failure | None = None) -> None:
    with desk.transaction() as session:
        end(session.get_one(tables.Run, run_id), state, failure)


def test_a_waiting_run_is_stopped_resumed_and_queued_again(desk: Desk, waiting: str) -> None:
    """Each command tells how the run stands; a stop of what ended changes nothing; again is another run."""
    assert told("runs", "stop", waiting[:6])["state"] == "stopped"
    assert told("runs", "stop", waiting)["state"] == "stopped"
    assert told("runs", "resume", waiting)["state"] == "queued"
    again = told("runs", "requeue", waiting)
    assert (again["state"], again["name"]) == ("queued", "first") and again["id"] != waiting
    assert find_run(desk, again["id"]) == again["id"]


def test_a_running_run_is_asked_to_stop(desk: Desk, waiting: str) -> None:
    """The answer is there at once: it is stopping, and nobody but its worker ends it."""
    begun(desk, waiting)
    document = told("runs", "stop", waiting)
    assert (document["state"], document["failure"]) == ("stopping", None)
    assert f"Run {waiting} is stopping." in command("runs", "stop", waiting).output


def test_a_killed_run_is_stopped_when_its_process_is_gone(
    desk: Desk, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`runs kill` ends the process that the run names, and no other."""
    begun(desk, waiting)
    killed: list[ProcessIdentity] = []
    monkeypatch.setattr("core.runs.executor.send", lambda worker, number: killed.append(worker))
    assert told("runs", "kill", waiting)["state"] == "stopping"
    with desk.reading() as session:
        assert killed == [RUNS.worker_of(session.get_one(tables.Run, waiting))]


def test_following_ends_with_the_run_and_says_how(desk: Desk, waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0 for a completed run, 1 for any other, and the failure with its next step in words and JSON."""
    begun(desk, waiting)
    failure = Failure(FailureKind.DISK_FULL, Said("The disk is full."), Said("Free some space."), "the log's end")
    monkeypatch.setattr(run_commands.time, "sleep", lambda seconds: ended(desk, waiting, State.FAILED, failure))
    document = told("runs", "follow", waiting, exit_code=1)
    assert (document["state"], document["failure"]["next_step"]) == ("failed", "Free some space.")
    assert document["failure"]["log"] == "the log's end"
    said = command("runs", "follow", waiting)
    assert said.exit_code == 1 and "The disk is full. Free some space." in said.output
    assert told("runs", "show", waiting)["failure"]["log"] == "the log's end"
    told("runs", "resume", waiting)
    begun(desk, waiting)
    monkeypatch.setattr(run_commands.time, "sleep", lambda seconds: ended(desk, waiting, State.COMPLETED))
    assert told("runs", "follow", waiting)["state"] == "completed"


def test_a_run_killed_unseen_is_lost_for_whoever_lists_deletes_or_resumes_it(desk: Desk, waiting: str) -> None:
    """No page was open when its process was killed: export, deletion and resume each see that it has ended."""
    gone = replace(ProcessIdentity.current(), started=1.0)

    def killed() -> None:
        with desk.transaction() as session:
            run = session.get_one(tables.Run, waiting)
            run.state, run.job = State.RUNNING.value, None
            name_process(run, gone)

    killed()
    assert [line.state for line in search_runs(desk, HistoryQuery()).lines] == ["lost"]
    killed()
    assert [run["state"] for run in list_runs(desk)] == ["lost"]
    killed()
    assert told("runs", "show", waiting)["state"] == "lost"
    killed()
    delete_runs(desk, [waiting])
    restore_runs(desk, [waiting])
    killed()
    assert told("runs", "resume", waiting)["state"] == "queued"


def test_what_cannot_be_done_is_said(desk: Desk, waiting: str) -> None:
    """A completed run cannot continue, and a run that is not there cannot be followed."""
    begun(desk, waiting)
    ended(desk, waiting, State.COMPLETED)
    with pytest.raises(TrainingError, match="is completed: only a run that was stopped"):
        command("runs", "resume", waiting)
    with pytest.raises(InputNotFoundError, match="runs list"):
        command("runs", "follow", "unheard-of")
