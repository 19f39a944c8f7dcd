"""What can be wrong with a database, said in sentences that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

HELD = "is held by another process that has not let go of it. Close the other program that uses it and try again."
FULL = "cannot grow because the disk is full. Free some space and try again."

# SQLite reports these only in words; each pair is what it says and what the user is told.
SQLITE_PROBLEMS = (
    (
        ("not a database", "malformed", "disk i/o error", "database corruption"),
        "is damaged or is no SQLite database. Move it away to start a new one, or put a backup in its place.",
    ),
    (("locked", "busy"), HELD),
    (
        ("unable to open", "readonly", "read-only", "permission denied"),
        "cannot be written. Let this user write the file and its folder, or set PNEUMODESK_HOME to another folder.",
    ),
    (("disk is full", "full"), FULL),
)

# What a PostgreSQL server that does answer reports, by its code; everything else means that it did not answer.
POSTGRESQL_PROBLEMS = {
    "55P03": HELD,
    "40P01": HELD,
    "53100": FULL,
    "53300": "has no connection left for this process. Close other programs that use it, or raise max_connections.",
    "57P03": "is starting or stopping. Wait a moment and try again.",
    "57014": "broke the work off because it took longer than the server allows. Raise its statement_timeout.",
    "25006": "cannot be written: the server is read-only. Let PNEUMODESK_DATABASE_URL name the primary server.",
}


class DatabaseProblem(Exception):  # noqa: N818 - "problem" is what the user is told about
    """The database cannot be opened, upgraded or trusted; `sentence` says which one and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def name_database(url: URL) -> str:
    """Return the words that name a database in a message, never with its password."""
    if url.get_backend_name() == "sqlite":
        return f"The database file {url.database or 'in memory'}"
    return f"The database {url.render_as_string(hide_password=True)}"


def describe_database_error(error: DBAPIError, url: URL) -> DatabaseProblem:
    """Turn what the driver reported into a sentence about the database at `url`."""
    reported = str(error.orig).strip()
    if url.get_backend_name() == "sqlite":
        for signs, advice in SQLITE_PROBLEMS:
            if any(sign in reported.lower() for sign in signs):
                return DatabaseProblem(f"{name_database(url)} {advice}")
    elif (code := getattr(error.orig, "sqlstate", None)) in POSTGRESQL_PROBLEMS:
        return DatabaseProblem(f"{name_database(url)} {POSTGRESQL_PROBLEMS[code]}")
    elif isinstance(error, OperationalError | InterfaceError):
        first_line = reported.splitlines()[0] if reported else "no answer"
        return DatabaseProblem(
            f"{name_database(url)} cannot be reached ({first_line}). "
            "Check that the server runs and that PNEUMODESK_DATABASE_URL is right."
        )
    return DatabaseProblem(f"{name_database(url)} refused the work: {reported}.")


@contextmanager
def database_problems(engine: Engine) -> Iterator[None]:
    """Turn every driver error inside the block into a DatabaseProblem."""
    try:
        yield
    except DBAPIError as error:
        raise describe_database_error(error, engine.url) from error
    except PoolTimeoutError as error:
        raise DatabaseProblem(
            f"{name_database(engine.url)} is used by so much work of this process at once that none is left for more. "
            "Try again in a moment."
        ) from error
