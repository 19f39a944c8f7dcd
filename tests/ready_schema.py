"""Databases with the schema ready: made by the migrations once, then copied for every test that opens a desk.

The migrations themselves are tested in `tests/unit/db`, on databases of their own. A database that is not empty is
always brought up to date by them.
"""

import os
import shutil
import sqlite3
import uuid
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from db.engine import make_engine
from db.upgrade import upgrade_to_head

NUM_TABLES = text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")


class ReadySchema:
    """Stands in for `upgrade_to_head`, to the same effect on every database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: Path | None = None
        self._databases: dict[URL, str] = {}

    def __call__(self, engine: Engine) -> None:
        """Copy the ready schema into an empty database, and upgrade any other."""
        if engine.dialect.name == "sqlite":
            self._copy_file(Path(engine.url.database or ""))
        else:
            self._copy_database(engine)
        upgrade_to_head(engine)

    def _copy_file(self, place: Path) -> None:
        if not place.name or place.exists():
            return
        copy = place.with_name(f"{uuid.uuid4().hex}.ready")
        # Where nothing can be written, opening the desk must fail as it does without this.
        with suppress(OSError):
            shutil.copyfile(self._made_file(), copy)
            try:
                # Of two that open one new desk at once, the second must find the first's.
                os.link(copy, place)
            finally:
                copy.unlink()

    def _made_file(self) -> Path:
        if self._file is None:
            made, self._file = self._folder / "made.db", self._folder / "ready.db"
            engine = make_engine(f"sqlite:///{made}")
            upgrade_to_head(engine)
            engine.dispose()
            # One whole file, without the log that the database writes ahead.
            with closing(sqlite3.connect(made)) as connection:
                connection.execute("VACUUM INTO ?", [str(self._file)])
        return self._file

    def _copy_database(self, engine: Engine) -> None:
        with engine.connect() as connection:
            if connection.scalar(NUM_TABLES):
                return
        engine.dispose()
        server, name = engine.url.set(database="postgres"), engine.url.database
        with _connected(server) as connection:
            if server not in self._databases:
                self._databases[server] = ready = f"pneumodesk_ready_{uuid.uuid4().hex[:12]}"
                connection.execute(text(f"CREATE DATABASE {ready}"))
                made = make_engine(server.set(database=ready).render_as_string(hide_password=False))
                upgrade_to_head(made)
                made.dispose()
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {self._databases[server]}"))

    def drop(self) -> None:
        """Take the databases that were copied away, where their server is still there."""
        for server, ready in self._databases.items():
            with suppress(OperationalError), _connected(server) as connection:
                connection.execute(text(f"DROP DATABASE {ready} WITH (FORCE)"))


@contextmanager
def _connected(server: URL):
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
