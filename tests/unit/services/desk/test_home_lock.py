"""One home, many processes: who has the desk open, who may restore, and what a kill -9 leaves."""

import errno
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.services.desk import home_lock, open_desk
from core.services.desk.home_lock import HomeHeldError, HomeLock, held_alone
from core.services.desk.home_swap import STAGING, has_open_swap, new_staging, present_in, share_home, swap_in
from core.services.desk.restoring import RestoreRequest, restore
from core.services.worklist.verdicts import current_verdicts
from core.settings import PROJECT_ROOT, AppSettings
from tests.closing import close_desk
from tests.unit.services.desk.backups import file_of, made_desk

HOLDS = "import sys; from core.services.desk import open_desk; desk = open_desk(); print('open', flush=True); input()"
DATABASE = "pneumodesk.db"


@contextmanager
def another_process(home: Path, code: str = HOLDS) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that has the desk open."""
    environment = {**os.environ, "PNEUMODESK_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(work: Callable[[], None]) -> int:
    """Return how a fork that does this work ended: 0, or the signal that killed it below 0."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def test_a_restore_is_refused_until_every_process_is_gone(tmp_path: Path) -> None:
    """While a process has the desk open, the refusal names it; a kill -9 lets it go, and the restore works."""
    desk = made_desk(tmp_path)
    file = file_of(desk, tmp_path)
    asked = RestoreRequest(file, replace=True)
    with pytest.raises(HomeHeldError, match=rf"open in this very process \({os.getpid()}\)"):
        restore(desk.settings, asked)
    close_desk(desk)
    with another_process(desk.settings.home) as other:
        with pytest.raises(HomeHeldError, match=rf"open in process {other.pid} \(.*python"):
            restore(desk.settings, asked)
        other.send_signal(signal.SIGKILL)
        other.wait()
        restore(desk.settings, asked)
    assert [row.reader for row in current_verdicts(open_desk(desk.settings))] == ["Ada"]


def test_nobody_opens_the_desk_while_a_restore_works(tmp_path: Path) -> None:
    """While one process holds the home alone, opening it is refused with what continues there."""
    with (
        held_alone(tmp_path),
        pytest.raises(HomeHeldError, match=f"A backup is being restored into {tmp_path}"),
    ):
        open_desk(AppSettings(home=tmp_path))
    open_desk(AppSettings(home=tmp_path))


def test_where_the_system_tells_nothing_of_locks_the_refusal_says_so(tmp_path: Path, monkeypatch) -> None:
    """A lock whose holder cannot be seen, as from another container, is no less a lock."""
    monkeypatch.setattr(home_lock, "LOCKS", tmp_path / "none")
    first = HomeLock(tmp_path)
    first.share()
    with pytest.raises(HomeHeldError, match="another container or on another machine"), held_alone(tmp_path):
        pass
    first.release()
    with held_alone(tmp_path):
        pass


def test_without_locks_the_desk_opens_and_a_restore_is_refused(
    tmp_path: Path, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a file system that has none, access leaves a warning, and a restore says why it cannot be sure."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(home_lock.fcntl, "flock", refuse)
    with caplog.at_level(logging.WARNING):
        open_desk(AppSettings(home=tmp_path))
    assert "cannot see this process" in caplog.text
    with pytest.raises(HomeHeldError, match="has no locks"), held_alone(tmp_path):
        pass


def laid_out(home: Path) -> dict[str, str]:
    """Return every file of a home's desk with its content."""
    return {
        path.relative_to(home).as_posix(): path.read_text()
        for top in present_in(home)
        for path in (top, *top.rglob("*"))
        if path.is_file()
    }


OLD = {"runs/old": "old", "uploads/one": "old", DATABASE: "old", f"{DATABASE}-wal": "old"}
NEW = {"uploads/one": "new", "models/m": "new", DATABASE: "new"}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def swap_killed_at(home: Path, step: int) -> int:
    """Swap in a process that is killed before its move number `step`, and return how it ended."""
    write(home, OLD)
    write(new_staging(home), NEW)
    num_moves = 0

    def count(move: Callable) -> Callable:
        def counted(*arguments: object) -> object:
            nonlocal num_moves
            if num_moves == step:
                os.kill(os.getpid(), signal.SIGKILL)
            num_moves += 1
            return move(*arguments)

        return counted

    def work() -> None:
        for name in ("rename", "replace", "unlink"):
            setattr(Path, name, count(getattr(Path, name)))
        with held_alone(home):
            swap_in(home, DATABASE)

    return ended(work)


def test_a_kill_at_any_step_of_a_swap_leaves_the_old_desk_or_the_new_one(tmp_path: Path) -> None:
    """Whatever was being moved, the next who opens the home finds one of the two whole, and the old one aside."""
    found, step = [], 0
    while True:
        home = tmp_path / str(step)
        home.mkdir()
        code = swap_killed_at(home, step)
        share_home(home).release()
        found.append(laid_out(home))
        if found[-1] == NEW:
            (aside,) = home.glob("replaced-*")
            assert laid_out(aside) == OLD and not (home / STAGING).exists()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        step += 1
    # Before the journal is there is one step that leaves the old desk; every later one leads to the new one.
    assert found[0] == OLD and found[1:] == [NEW] * step and step >= len(OLD) + len(NEW) - 1


def test_of_many_who_open_a_half_moved_home_one_finishes_and_all_get_in(tmp_path: Path) -> None:
    """Processes that open at once after a kill wait for the one that does the rest, and see the new desk."""
    assert swap_killed_at(tmp_path, 4) == -signal.SIGKILL and has_open_swap(tmp_path)
    reader, writer = os.pipe()
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            os.close(writer)
            # All begin at once: when the last holder of the other end lets go.
            os.read(reader, 1)
            code = 1
            try:
                lock = share_home(tmp_path)
                code = 0 if laid_out(tmp_path) == NEW else 2
                lock.release()
            finally:
                os._exit(code)
        children.append(child)
    os.close(reader)
    os.close(writer)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6


def test_a_restore_killed_on_its_way_is_the_old_desk_or_the_new_one(tmp_path: Path, monkeypatch) -> None:
    """Killed while it prepares, a restore leaves the former desk; killed while it moves, the restored one."""
    desk = made_desk(tmp_path)
    settings, file = desk.settings, file_of(desk, tmp_path)
    close_desk(desk)
    write(settings.home, {"runs/later/log": "later"})

    def kill(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr("core.services.desk.restoring.swap_in", kill)
        assert ended(lambda: restore(settings, RestoreRequest(file, replace=True))) == -signal.SIGKILL
    close_desk(open_desk(settings))
    assert (settings.home / "runs/later/log").exists()
    with monkeypatch.context() as patched:
        patched.setattr("core.services.desk.home_swap._move_aside", kill)
        assert ended(lambda: restore(settings, RestoreRequest(file, replace=True))) == -signal.SIGKILL
    new = open_desk(settings)
    assert [row.reader for row in current_verdicts(new)] == ["Ada"]
    assert not (settings.home / "runs/later").exists() and (settings.home / "runs/r/checkpoint/card.json").exists()
