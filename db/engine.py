"""Opens the database: SQLite as one file that many processes share, or PostgreSQL."""

import sqlite3
import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from db.problems import DatabaseProblem, mark, name_database

BUSY_TIMEOUT_SECONDS = 30.0
SQLITE_FILE_PREFIX = "sqlite:///"
# Any fixed number that no other program is likely to use as its advisory lock in the same PostgreSQL database.
WRITE_LOCK_KEY = 7_366_381_143
# SQLite starts each transaction as this option of the connection says; see `begin_transaction`.
BEGIN_OPTION = "sqlite_begin"


def make_engine(url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Engine:
    """Return an engine for `url`; connects only when first used.

    For SQLite the parent folder is made, foreign keys and the write-ahead log are on, and a writer waits up to
    `busy_timeout_seconds` for another. Raises DatabaseProblem for a URL that makes no sense or a folder that cannot
    be made.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        make_parent_folder(parsed)
        engine = create_engine(parsed, connect_args={"timeout": busy_timeout_seconds})
        listen_to_sqlite(engine, busy_timeout_seconds)
        return engine
    try:
        engine = create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise DatabaseProblem(
            mark("The database {database} needs the Python package {package}. Install it."),
            database=name_database(parsed),
            package=error.name,
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseProblem(
            mark("The database {database} is of a kind that is not known here. Use SQLite or PostgreSQL."),
            database=name_database(parsed),
        ) from error
    if parsed.get_backend_name() == "postgresql":
        listen_to_postgresql(engine, busy_timeout_seconds)
    return engine


def session_factory(engine: Engine, *, writing: bool = False) -> sessionmaker[Session]:
    """Return a maker of short sessions whose objects stay readable after the commit.

    With `writing`, a session takes the one write lock of the database when it begins, so that reading first and writing
    then never fails, and undoes nothing, because another process wrote in between.
    """
    bound = engine.execution_options(**{BEGIN_OPTION: "IMMEDIATE"}) if writing else engine
    return sessionmaker(bind=bound, expire_on_commit=False)


def parse_url(url: str) -> URL:
    """Return the URL with its driver; the path of an SQLite file is taken literally, `?`, `#` and `%` included."""
    is_path = url.startswith(SQLITE_FILE_PREFIX) and not url.startswith(SQLITE_FILE_PREFIX + "file:")
    if is_path:
        return URL.create("sqlite", database=url.removeprefix(SQLITE_FILE_PREFIX))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseProblem(
            mark(
                "PNEUMODESK_DATABASE_URL is no database URL. Examples: sqlite:////data/desk.db, "
                "postgresql://user:password@host/desk."
            )
        ) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def is_plain_file(url: URL) -> bool:
    """Return whether a database is one SQLite file with a name."""
    is_file = url.get_backend_name() == "sqlite"
    return is_file and bool(url.database) and url.database != ":memory:" and not url.database.startswith("file:")


def make_parent_folder(url: URL) -> None:
    """Make the folder of an SQLite file."""
    if not is_plain_file(url):
        return
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseProblem(
            mark(
                "The folder {folder} for the database cannot be made ({detail}). Set PNEUMODESK_HOME to a folder that "
                "this user may write."
            ),
            folder=str(folder),
            detail=error.strerror,
        ) from error


def listen_to_sqlite(engine: Engine, busy_timeout_seconds: float) -> None:
    """Set up every SQLite connection that the engine opens, and how its transactions begin."""

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        """Set up a connection that was just opened."""
        # The driver's own transactions leave out reads and schema changes, so SQLAlchemy's BEGIN replaces them.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        turn_on_write_ahead_log(connection, busy_timeout_seconds)

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        kind = connection.get_execution_options().get(BEGIN_OPTION, "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")


def listen_to_postgresql(engine: Engine, busy_timeout_seconds: float) -> None:
    """Let each writing transaction wait for the others, as SQLite does: what it reads stands until it commits."""

    @event.listens_for(engine, "begin")
    def take_write_lock(connection: Connection) -> None:
        if connection.get_execution_options().get(BEGIN_OPTION) == "IMMEDIATE":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(1000 * busy_timeout_seconds)}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})")


def turn_on_write_ahead_log(connection: sqlite3.Connection, patience_seconds: float) -> None:
    """Switch the file to the write-ahead log once; the file remembers it."""
    deadline = time.monotonic() + patience_seconds
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Two processes that switch a new file at once get "locked" without the busy timeout being honoured.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
