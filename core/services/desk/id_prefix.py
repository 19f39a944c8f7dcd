"""Finding a record by its id or the beginning of it, as people type it."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.errors import InputNotFoundError
from core.language import mark, tr

NONE = {
    "run": mark("There is no run {beginning!r}. `runs list` shows them all."),
    "sweep": mark("There is no sweep {beginning!r}. `sweep list` shows them all."),
}
SEVERAL = {
    "run": mark("More than one run begins with {beginning!r}. `runs list` shows them all."),
    "sweep": mark("More than one sweep begins with {beginning!r}. `sweep list` shows them all."),
}


def id_beginning_with(
    session: Session, column: InstrumentedAttribute[str], beginning: str, kind: Literal["run", "sweep"]
) -> str:
    """Return the one id that is or begins so; raises InputNotFoundError, also for nothing at all."""
    # In order, an exact id comes before all that only begin so.
    begins_so = select(column).where(column.startswith(beginning, autoescape=True)).order_by(column).limit(2)
    found = session.scalars(begins_so).all()
    if beginning and len(found) == 1:
        return found[0]
    if beginning in found:
        return beginning
    message = SEVERAL[kind] if beginning and found else NONE[kind]
    raise InputNotFoundError(tr(message, beginning=beginning))
