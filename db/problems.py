"""What can be wrong with a database, said in sentences that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


def mark(message: str) -> str:
    """Return a message as it is: it is named for translators here, and worded where it is shown."""
    return message


HELD = mark(
    "The database {database} is held by another process that has not let go of it. Close the other program that uses "
    "it and try again."
)
FULL = mark("The database {database} cannot grow because the disk is full. Free some space and try again.")

# SQLite reports these only in words; each pair is what it says and what the user is told.
SQLITE_PROBLEMS = (
    (
        ("not a database", "malformed", "disk i/o error", "database corruption"),
        mark(
            "The database {database} is damaged or is no SQLite database. Move it away to start a new one, or put a "
            "backup in its place."
        ),
    ),
    (("locked", "busy"), HELD),
    (
        ("unable to open", "readonly", "read-only", "permission denied"),
        mark(
            "The database {database} cannot be written. Let this user write the file and its folder, or set "
            "PNEUMODESK_HOME to another folder."
        ),
    ),
    (("disk is full", "full"), FULL),
)

# What a PostgreSQL server that does answer reports, by its code; everything else means that it did not answer.
POSTGRESQL_PROBLEMS = {
    "55P03": HELD,
    "40P01": HELD,
    "53100": FULL,
    "53300": mark(
        "The database {database} has no connection left for this process. Close other programs that use it, or raise "
        "max_connections."
    ),
    "57P03": mark("The database {database} is starting or stopping. Wait a moment and try again."),
    "57014": mark(
        "The database {database} broke the work off because it took longer than the server allows. Raise its "
        "statement_timeout."
    ),
    "25006": mark(
        "The database {database} cannot be written: the server is read-only. Let PNEUMODESK_DATABASE_URL name the "
        "primary server."
    ),
}


class DatabaseProblem(Exception):  # noqa: N818 - "problem" is what the user is told about
    """The database cannot be opened, upgraded or trusted; a sentence says which one and what to do.

    `message` is the sentence with placeholders for `values`, so that it can be said in another language.
    """

    def __init__(self, message: str, **values: str | int | None) -> None:
        super().__init__(message.format(**values))
        self.message = message
        self.values = values


def name_database(url: URL) -> str:
    """Return what a database is called in a message: its file, or its address without the password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.render_as_string(hide_password=True)


def describe_database_error(error: DBAPIError, url: URL) -> DatabaseProblem:
    """Turn what the driver reported into a sentence about the database at `url`."""
    reported, name = str(error.orig).strip(), name_database(url)
    if url.get_backend_name() == "sqlite":
        for signs, message in SQLITE_PROBLEMS:
            if any(sign in reported.lower() for sign in signs):
                return DatabaseProblem(message, database=name)
    elif (code := getattr(error.orig, "sqlstate", None)) in POSTGRESQL_PROBLEMS:
        return DatabaseProblem(POSTGRESQL_PROBLEMS[code], database=name)
    elif isinstance(error, OperationalError | InterfaceError):
        return DatabaseProblem(
            mark(
                "The database {database} cannot be reached ({detail}). Check that the server runs and that "
                "PNEUMODESK_DATABASE_URL is right."
            ),
            database=name,
            detail=reported.splitlines()[0] if reported else "no answer",
        )
    return DatabaseProblem(mark("The database {database} refused the work: {detail}."), database=name, detail=reported)


@contextmanager
def database_problems(engine: Engine) -> Iterator[None]:
    """Turn every driver error inside the block into a DatabaseProblem."""
    try:
        yield
    except DBAPIError as error:
        raise describe_database_error(error, engine.url) from error
    except PoolTimeoutError as error:
        raise DatabaseProblem(
            mark(
                "The database {database} is used by so much work of this process at once that none is left for more. "
                "Try again in a moment."
            ),
            database=name_database(engine.url),
        ) from error
