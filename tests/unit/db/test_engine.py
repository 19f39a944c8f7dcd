"""How the database is opened."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from db.engine import make_engine, parse_url, session_factory
from db.models import Run, RunMetric
from db.problems import DatabaseProblem, database_problems
from db.upgrade import upgrade_to_head

NOBODY = 65534


def make_run(name: str = "first") -> Run:
    """Return a run with the least that the table asks for."""
    return Run(id=name, name=name, config={}, cohort_fingerprint="c", split_fingerprint="s", environment={}, folder="f")


def test_every_sqlite_connection_is_set_up(tmp_path):
    """Write-ahead log, foreign keys, normal sync and the busy timeout hold on each connection of the pool."""
    engine = make_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            values = [
                connection.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            ]
            assert values == ["wal", 1, 1, 30_000]


@pytest.mark.parametrize("folder", ["Röntgen 肺", "50%", "what?", "a#b", "new/deep/folder"])
def test_paths_are_taken_literally(tmp_path, folder):
    """A database lies where its path says, whatever signs the path holds, and missing folders are made."""
    path = tmp_path / folder / "désk.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade_to_head(engine)
    assert path.is_file()
    assert [found.parent for found in tmp_path.rglob("*.db")] == [path.parent]


def test_foreign_keys_are_enforced(engine):
    """A metric of a run that does not exist is refused, on each kind of database."""
    upgrade_to_head(engine)
    with session_factory(engine)() as session, pytest.raises(IntegrityError):
        session.add(RunMetric(run_id="missing", name="loss", epoch=1, value=0.5))
        session.commit()


def test_deleting_a_run_deletes_its_metrics(engine):
    """The database itself removes what belongs to a deleted row."""
    upgrade_to_head(engine)
    with session_factory(engine).begin() as session:
        session.add(make_run())
        session.flush()
        session.add(RunMetric(run_id="first", name="loss", epoch=1, value=0.5))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM run"))
        assert connection.execute(text("SELECT count(*) FROM run_metric")).scalar() == 0


def test_objects_stay_readable_after_the_commit(engine):
    """What a session returned can be read when the session has closed."""
    upgrade_to_head(engine)
    with session_factory(engine).begin() as session:
        run = make_run("kept")
        session.add(run)
    assert (run.name, run.created_at.utcoffset().total_seconds()) == ("kept", 0)


def test_a_rolled_back_schema_change_leaves_nothing(engine):
    """Schema changes belong to the transaction, on SQLite too."""
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE passing (id INTEGER)"))
        connection.rollback()
        with pytest.raises(Exception, match="passing"):
            connection.execute(text("SELECT * FROM passing"))


def test_writing_sessions_wait_instead_of_failing(tmp_path):
    """Many threads that read and then write in one transaction lose no update and are never told "locked"."""
    engine = make_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    upgrade_to_head(engine)
    with session_factory(engine).begin() as session:
        session.add(make_run())
    writing = session_factory(engine, writing=True)

    def add_twenty() -> None:
        for _ in range(20):
            with writing.begin() as session:
                run = session.scalars(select(Run)).one()
                run.summary = {"count": run.summary.get("count", 0) + 1}

    threads = [threading.Thread(target=add_twenty) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with session_factory(engine)() as session:
        assert session.scalars(select(Run)).one().summary == {"count": 80}


def test_reading_goes_on_during_a_write(tmp_path):
    """A reader sees the last committed state at once while a writer holds its lock."""
    engine = make_engine(f"sqlite:///{tmp_path / 'desk.db'}", busy_timeout_seconds=0.05)
    upgrade_to_head(engine)
    with session_factory(engine, writing=True)() as writer, session_factory(engine)() as reader:
        writer.add(make_run())
        writer.flush()
        assert reader.scalars(select(Run)).all() == []


def test_a_second_writer_gets_a_sentence(tmp_path):
    """A writer that waited in vain is told that another process holds the file."""
    engine = make_engine(f"sqlite:///{tmp_path / 'desk.db'}", busy_timeout_seconds=0.05)
    upgrade_to_head(engine)
    writing = session_factory(engine, writing=True)
    with writing() as first, writing() as second:
        first.add(make_run())
        first.flush()
        with pytest.raises(DatabaseProblem, match="held by another process"), database_problems(engine):
            second.scalars(select(Run)).all()


def test_a_writer_that_waits_in_vain_on_postgresql_is_told_that_it_is_held(postgres_url):
    """A lock that is not let go of in time is no server that cannot be reached, and is not called so."""
    engine = make_engine(postgres_url, busy_timeout_seconds=0.05)
    upgrade_to_head(engine)
    writing = session_factory(engine, writing=True)
    with writing() as first, writing() as second:
        first.add(make_run())
        first.flush()
        with pytest.raises(DatabaseProblem, match="is held by another process"), database_problems(engine):
            second.scalars(select(Run)).all()
    engine.dispose()


def test_a_postgresql_server_without_connections_left_says_so(postgres_url):
    """What the server answered is said; that it cannot be reached would be wrong."""
    engine = make_engine(postgres_url)
    upgrade_to_head(engine)
    refused = pytest.raises(DatabaseProblem, match="no connection left")
    with engine.connect() as connection, refused, database_problems(engine):
        connection.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53300'; END $$"))
    engine.dispose()


def test_work_that_finds_every_connection_of_its_process_taken_is_a_sentence(tmp_path):
    """A pool that is used up is said like every other fault of a database, so that a heartbeat outlives it."""
    engine = make_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    engine.pool._timeout = 0.01
    with contextlib.ExitStack() as taken:
        for _ in range(15):
            taken.enter_context(engine.connect())
        with pytest.raises(DatabaseProblem, match="so much work of this process"), database_problems(engine):
            engine.connect()


def test_switching_a_new_file_to_the_write_ahead_log_waits(tmp_path):
    """A first connection waits while another process, as yet without the log, is writing the same new file."""
    path = tmp_path / "desk.db"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, writer.execute, ["COMMIT"])
    release.start()
    with make_engine(f"sqlite:///{path}").connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    release.join()
    writer.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql", "oracle+none://host/x", "postgresql://host:port/x"])
def test_a_url_that_makes_no_sense_is_a_sentence(url):
    """A wrong URL ends in a sentence, not in SQLAlchemy's own error."""
    with pytest.raises(DatabaseProblem, match=r"\. "):
        make_engine(url)


def test_postgresql_urls_get_the_installed_driver():
    """The usual short URL means psycopg, and a driver that was named is kept."""
    assert parse_url("postgresql://u:p@h/d").drivername == "postgresql+psycopg"
    assert parse_url("postgresql+psycopg://u:p@h/d").get_driver_name() == "psycopg"


def test_an_unreachable_server_is_a_sentence_without_the_password():
    """A server that does not answer is named in the sentence; its password is not."""
    engine = make_engine("postgresql://user:secret@127.0.0.1:1/desk")
    with pytest.raises(DatabaseProblem, match="cannot be reached") as caught:
        upgrade_to_head(engine)
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path):
    """A home that is a file ends in a sentence naming it."""
    (tmp_path / "home").write_text("no folder")
    with pytest.raises(DatabaseProblem, match="home"):
        make_engine(f"sqlite:///{tmp_path / 'home' / 'desk.db'}")


def refusal_as_other_user(path: Path) -> str:
    """Return what an ordinary user is told who opens the database at `path`; root may write everything."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
        try:
            upgrade_to_head(make_engine(f"sqlite:///{path}"))
            said = "no refusal"
        except (DatabaseProblem, OperationalError) as error:
            said = f"{type(error).__name__}: {error}"
        os.write(write_end, said.encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        return pipe.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to become another user")
@pytest.mark.parametrize("inside", ["desk.db", "new/desk.db"])
def test_a_folder_that_may_not_be_written_is_a_sentence(inside):
    """Without the right to write, the user is told which file or folder it is and what to set."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o555)
        said = refusal_as_other_user(folder / inside)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    assert said.startswith("DatabaseProblem: ")
    assert str((folder / inside).parent) in said
    assert "PNEUMODESK_HOME" in said
