"""The one clock by which processes of several machines evaluate one another's signs of life."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.base import utc_now


def database_now(session: Session) -> datetime:
    """Return the present moment by the database's clock, in UTC.

    A server has one clock for all who use it. An SQLite file with a write-ahead log can be used on one machine only,
    and the clock of that machine is everybody's.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Not now(), which stands still within a transaction that may have waited for its lock.
        return session.execute(select(func.clock_timestamp())).scalar_one()
    return utc_now()
