"""The desk: settings and an upgraded database, opened once and handed to every service."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.errors import DatabaseError, SettingsError
from core.language import tr
from core.runs.queues import find_all_lost
from core.services.desk.home_lock import HomeLock
from core.services.desk.home_swap import share_home
from core.services.desk.private_files import close_to_others, keep_files_private
from core.services.desk.unfinished_folders import remove_leftovers
from core.settings import AppSettings, get_settings
from db.database_file import DatabaseFile
from db.engine import is_plain_file, make_engine, session_factory
from db.problems import DatabaseProblem, database_problems
from db.upgrade import upgrade_to_head


@dataclass(frozen=True)
class Desk:
    """What every service needs: the settings and sessions on the database.

    As long as it lives, its process shares the lock on the home. If the database is replaced meanwhile, every session
    is refused.
    """

    settings: AppSettings
    engine: Engine
    lock: HomeLock = field(repr=False, compare=False)
    database: DatabaseFile = field(repr=False, compare=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session to read with; raises DatabaseError in a sentence."""
        with _in_words(self.engine):
            self.database.refuse_replaced()
            with session_factory(self.engine)() as session:
                yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session whose work is committed at the end, or rolled back if anything is raised.

        It holds the write lock from its beginning, so that what it reads cannot change before it writes.
        """
        with _in_words(self.engine):
            self.database.refuse_replaced()
            with session_factory(self.engine, writing=True).begin() as session:
                yield session
            # What was committed into a file that had just lost its place is not kept, and anyone who wrote it must
            # know.
            self.database.refuse_replaced()


@contextmanager
def _in_words(engine: Engine) -> Iterator[None]:
    try:
        with database_problems(engine):
            yield
    except DatabaseProblem as problem:
        raise DatabaseError(tr(problem.message, **problem.values)) from problem


def open_desk(settings: AppSettings | None = None) -> Desk:
    """Open the desk, making or upgrading its database; raises DatabaseError or SettingsError in a sentence."""
    settings = settings or get_settings()
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            tr(
                "The folder {home} cannot be made ({strerror}). Set PNEUMODESK_HOME to a folder that can be written "
                "to.",
                home=settings.home,
                strerror=error.strerror,
            )
        ) from error
    desk = _open(settings)
    with _in_words(desk.engine):
        desk.database.refuse_replaced()
    return desk


@lru_cache(maxsize=8)
def _open(settings: AppSettings) -> Desk:
    keep_files_private()
    lock = share_home(settings.home)
    try:
        engine = make_engine(settings.resolved_database_url)
        upgrade_to_head(engine)
    except DatabaseProblem as problem:
        raise DatabaseError(tr(problem.message, **problem.values)) from problem
    close_to_others(settings.home)
    if is_plain_file(engine.url):
        for ending in ("", "-wal", "-shm"):
            close_to_others(Path(f"{engine.url.database}{ending}"))
    remove_leftovers(settings)
    desk = Desk(settings, engine, lock, DatabaseFile.of(engine.url))
    try:
        find_all_lost(desk.reading, desk.transaction)
    except DatabaseError as error:
        # Reading continues while another program holds the database; anyone who lists the work next finds what is lost.
        sys.stderr.write(f"{error}\n")
    return desk


def require_database(desk: Desk) -> None:
    """Raise DatabaseError in a sentence if the database does not answer."""
    with desk.reading() as session:
        session.scalar(select(1))
