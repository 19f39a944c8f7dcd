"""The database in a backup, checked, upgraded to this version, and pointed to its new home."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from core.language import mark, tr
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.backup_format import BackupError, Manifest
from core.services.desk.database_check import count_rows, require_schema, require_whole
from core.services.desk.path_relocation import point_to_new_home
from db import models as tables
from db.base import num_changed, utc_now
from db.engine import make_engine, session_factory
from db.problems import DatabaseProblem
from db.upgrade import upgrade_to_head

DAMAGED = mark("The database in the backup is damaged")
ANOTHER = mark("Use a backup that nobody has changed.")


def counted_rows(database: Path, manifest: Manifest) -> dict[str, int]:
    """Return the rows of each table; raises BackupError unless they are as many as the manifest says."""
    require_whole(database, tr(DAMAGED), tr("Use an earlier backup."))
    rows = count_rows(database)
    if manifest.rows and rows != manifest.rows:
        names = sorted(name for name in rows.keys() | manifest.rows.keys() if rows.get(name) != manifest.rows.get(name))
        raise BackupError(
            tr(
                "{damaged}: its table {table!r} has {num_rows:,} rows, and the manifest says {num_expected:,}. "
                "Use another backup.",
                damaged=tr(DAMAGED),
                table=names[0],
                num_rows=rows.get(names[0], 0),
                num_expected=manifest.rows.get(names[0], 0),
            )
        )
    return rows


def prepare_database(
    path: Path, manifest: Manifest, home: Path, actor: str | None, file: str, done: dict[str, object]
) -> int:
    """Upgrade an unpacked database, let it point to its new home, and return how many keys of programs were revoked.

    The restore is in its audit log before anybody can open it. Raises BackupError.
    """
    engine = make_engine(f"sqlite:///{path}")
    try:
        upgrade_to_head(engine)
        point_to_new_home(engine, manifest.home, str(home))
        with session_factory(engine, writing=True).begin() as session:
            num_revoked = 0
            if not done["is_verified"]:
                # Anyone who changed a backup could have put a key of their own into it.
                key = tables.ApiKey
                ended = update(key).where(key.revoked_at.is_(None)).values(revoked_at=utc_now())
                num_revoked = num_changed(session.execute(ended))
            record_event(session, actor, AuditAction.RESTORE, file, **done)
    except DatabaseProblem as problem:
        raise BackupError(
            tr(
                "The database in {file} cannot be used: {problem}",
                file=file,
                problem=tr(problem.message, **problem.values),
            )
        ) from problem
    # What is stored as a document may hold anything once somebody has changed the file.
    except (SQLAlchemyError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BackupError(f"{tr(DAMAGED)} ({type(error).__name__}: {error}). {tr(ANOTHER)}") from error
    finally:
        engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    require_whole(path, "The upgraded database is damaged", "Use another backup.")
    require_schema(path, tr("The database in the backup is not a desk's"), tr(ANOTHER))
    return num_revoked
