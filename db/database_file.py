"""The file that an SQLite database was opened on, so that another one put in its place is noticed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import URL

from db.engine import is_plain_file
from db.problems import DatabaseProblem, mark, name_database


@dataclass(frozen=True)
class DatabaseFile:
    """Which file it is, whatever its name leads to later; `identity` is None where the database is no file."""

    url: URL
    identity: tuple[int, int] | None

    @classmethod
    def of(cls, url: URL) -> Self:
        """Return the file that is there now."""
        return cls(url, _identity(url))

    def refuse_replaced(self) -> None:
        """Raise DatabaseProblem if the file was moved, deleted or replaced since.

        A process that continued would write into a file that nobody reads again. A copy written over the same file in
        place is not seen.
        """
        if self.identity is not None and _identity(self.url) != self.identity:
            raise DatabaseProblem(
                mark(
                    "The database {database} was replaced or moved away while this process had it open, as by a "
                    "restore. Nothing more is read or written, and what was being saved just now may not be saved. "
                    "Stop this process and start it again."
                ),
                database=name_database(self.url),
            )


def _identity(url: URL) -> tuple[int, int] | None:
    if not is_plain_file(url):
        return None
    try:
        status = Path(url.database or "").stat()
    except OSError:
        return (0, 0)
    return status.st_dev, status.st_ino
