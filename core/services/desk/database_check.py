"""Whether an SQLite file holds a whole desk of this version, and nothing that no desk has."""

import sqlite3
import tempfile
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from core.language import tr
from core.services.desk.backup_format import DATABASE, BackupError
from db.engine import make_engine
from db.migrations import HEAD_REVISION
from db.upgrade import VERSION_TABLE, upgrade_to_head

Code = frozenset[tuple[str, str]]
"""Names and statements of triggers and views."""


def require_whole(path: Path, said: str, advice: str) -> None:
    """Raise BackupError if a database is damaged, holds rows that refer to none, or is empty and so no desk's."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{said} ({error}). {advice}") from error
    if found != "ok":
        raise BackupError(f"{said} ({' '.join(found.split())}). {advice}")
    if VERSION_TABLE not in names:
        raise BackupError(tr("{problem}: it holds no desk. {advice}", problem=said, advice=advice))
    if broken is not None:
        raise BackupError(
            tr(
                "{problem}: rows of the table {table} refer to rows that are gone. {advice}",
                problem=said,
                table=broken[0],
                advice=advice,
            )
        )


def require_schema(path: Path, said: str, advice: str) -> None:
    """Raise BackupError if a database has not the tables, columns, triggers and views of this version.

    Tables of a search's own library may be there besides; a trigger or view that no desk has may not.
    """
    columns, code = _schema_of_a_new_desk()
    with closing(sqlite3.connect(path)) as connection:
        revision = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
        missing = sorted(columns - _columns(connection))
        here = _code(connection)
    if revision != (HEAD_REVISION,):
        raise BackupError(
            tr(
                "{problem}: its schema is {revision}, not {expected_revision}. {advice}",
                problem=said,
                revision=revision and revision[0],
                expected_revision=HEAD_REVISION,
                advice=advice,
            )
        )
    if missing:
        raise BackupError(
            tr(
                "{said}: its table {table} lacks {columns}. {advice}",
                said=said,
                table=missing[0][0],
                columns=missing[0][1],
                advice=advice,
            )
        )
    if foreign := sorted(here - code):
        raise BackupError(
            tr(
                "{problem}: it holds {name!r}, a trigger or view that no desk has. {advice}",
                problem=said,
                name=foreign[0][0],
                advice=advice,
            )
        )
    if lost := sorted(code - here):
        raise BackupError(
            tr(
                "{problem}: it lacks {name!r}, which keeps its records from being changed. {advice}",
                problem=said,
                name=lost[0][0],
                advice=advice,
            )
        )


def count_rows(path: Path) -> dict[str, int]:
    """Return how many rows each table of a desk has."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        quoted = {name: '"' + name.replace('"', '""') + '"' for name in sorted(names)}
        return {
            name: connection.execute(f"SELECT count(*) FROM {place}").fetchone()[0] for name, place in quoted.items()
        }


@lru_cache(maxsize=1)
def _schema_of_a_new_desk() -> tuple[frozenset[tuple[str, str]], Code]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DATABASE
        engine = make_engine(f"sqlite:///{path}")
        upgrade_to_head(engine)
        engine.dispose()
        with closing(sqlite3.connect(path)) as connection:
            return _columns(connection), _code(connection)


def _columns(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    rows = connection.execute(
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    )
    return frozenset(rows.fetchall())


def _code(connection: sqlite3.Connection) -> Code:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchall()
    # SQLite itself adds quotes where a table was renamed.
    return frozenset((name, "".join(sql.replace('"', "").split())) for name, sql in rows)
