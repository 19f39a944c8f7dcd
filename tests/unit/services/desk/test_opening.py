"""An open desk writes into the database it opened or not at all, and nobody but its user reads what it writes."""

import os
import sqlite3
from pathlib import Path

import pytest

from core.errors import DatabaseError
from core.services.desk import Desk, open_desk
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict
from core.settings import AppSettings
from db import models as tables
from tests.small_desk import add_batch, small_desk

REPLACED = "was replaced or moved away while this process had it open"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path / "home")


def swap_beneath(desk: Desk) -> Path:
    """Put a copy in the database's place, as somebody who restores by hand would, and return the former file."""
    database = desk.settings.home / "pneumodesk.db"
    copy = database.with_name("copy.db")
    with sqlite3.connect(database) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    former = database.rename(database.with_name("former.db"))
    copy.rename(database)
    return former


def test_a_home_swapped_beneath_an_open_desk_is_noticed_at_the_next_write(desk: Desk) -> None:
    """A verdict is refused rather than written into a file that nobody reads again; so are reads and pages."""
    ids = add_batch(desk, [("a", 0.9)])
    former = swap_beneath(desk)
    with pytest.raises(DatabaseError, match=REPLACED):
        give_verdict(desk, ids["a"], "Ada", Verdict.NORMAL)
    with pytest.raises(DatabaseError, match=REPLACED):
        current_verdicts(desk)
    with pytest.raises(DatabaseError, match=REPLACED):
        open_desk(desk.settings)
    for file in (former, desk.settings.home / "pneumodesk.db"):
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT count(*) FROM verdict").fetchone() == (0,)


def test_a_home_that_is_gone_is_not_made_again_by_a_write(desk: Desk, tmp_path: Path) -> None:
    """Where the home was moved away, no new database appears in its place."""
    add_batch(desk, [("a", 0.9)])
    desk.settings.home.rename(tmp_path / "moved")
    with pytest.raises(DatabaseError, match=REPLACED), desk.transaction() as session:
        session.add(tables.ApiKey(id="k", name="n", secret_hash="h", scopes=""))
    assert not desk.settings.home.exists()


def test_a_swap_in_the_middle_of_a_write_is_said(desk: Desk) -> None:
    """What is committed into a file that has just lost its place is reported, not taken for kept."""
    with pytest.raises(DatabaseError, match="may not be saved"), desk.transaction() as session:
        session.add(tables.ApiKey(id="k", name="n", secret_hash="h", scopes=""))
        session.flush()
        desk.settings.home.joinpath("pneumodesk.db").rename(desk.settings.home / "former.db")


def test_nobody_else_reads_what_the_desk_writes(tmp_path: Path) -> None:
    """The home is 0700 and each file 0600 whatever the umask was, also one that an earlier version left open."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    sqlite3.connect(home / "pneumodesk.db").close()
    (home / "pneumodesk.db").touch()
    (home / "pneumodesk.db").chmod(0o644)
    before = os.umask(0o022)
    try:
        desk = open_desk(AppSettings(home=home))
        (home / "runs").mkdir()
        (home / "runs" / "log").write_text("x")
        with desk.transaction() as session:
            session.add(tables.ApiKey(id="k", name="n", secret_hash="h", scopes=""))
            session.flush()
            rights = {path.name: path.stat().st_mode & 0o777 for path in (home, *home.rglob("*"))}
    finally:
        os.umask(before)
    assert {name: mode for name, mode in rights.items() if mode & 0o077} == {}
    assert rights["pneumodesk.db"] == 0o600 and rights["pneumodesk.db-wal"] == 0o600 and rights["log"] == 0o600


def test_a_folder_that_all_share_stays_theirs(tmp_path: Path) -> None:
    """A home like /tmp, where everybody may write, is not taken from the others."""
    home = tmp_path / "shared"
    home.mkdir()
    home.chmod(0o1777)
    open_desk(AppSettings(home=home))
    assert home.stat().st_mode & 0o7777 == 0o1777
    assert (home / "pneumodesk.db").stat().st_mode & 0o777 == 0o600
