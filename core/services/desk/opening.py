"""The desk: settings and an upgraded database, opened once and handed to every service."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.errors import DatabaseError, SettingsError
from core.services.desk.unfinished_folders import remove_leftovers
from core.settings import AppSettings, get_settings
from db.engine import make_engine, session_factory
from db.problems import DatabaseProblem, database_problems
from db.upgrade import upgrade_to_head


@dataclass(frozen=True)
class Desk:
    """What every service needs: the settings and sessions on the database."""

    settings: AppSettings
    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session to read with; raises DatabaseError in a sentence."""
        with _in_words(self.engine), session_factory(self.engine)() as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session whose work is committed at the end, or taken back if anything is raised.

        It holds the write lock from its beginning, so that what it reads cannot change before it writes.
        """
        with _in_words(self.engine), session_factory(self.engine, writing=True).begin() as session:
            yield session


@contextmanager
def _in_words(engine: Engine) -> Iterator[None]:
    try:
        with database_problems(engine):
            yield
    except DatabaseProblem as problem:
        raise DatabaseError(str(problem)) from problem


def open_desk(settings: AppSettings | None = None) -> Desk:
    """Open the desk, making or upgrading its database; raises DatabaseError or SettingsError in a sentence."""
    settings = settings or get_settings()
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The folder {settings.home} cannot be made ({error.strerror}). "
            "Set PNEUMODESK_HOME to a folder that can be written to."
        ) from error
    return _open(settings)


@lru_cache(maxsize=8)
def _open(settings: AppSettings) -> Desk:
    try:
        engine = make_engine(settings.resolved_database_url)
        upgrade_to_head(engine)
    except DatabaseProblem as problem:
        raise DatabaseError(str(problem)) from problem
    remove_leftovers(settings)
    return Desk(settings, engine)


def require_database(desk: Desk) -> None:
    """Raise DatabaseError in a sentence if the database does not answer."""
    with desk.reading() as session:
        session.scalar(select(1))
