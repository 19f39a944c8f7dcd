"""Finding a record by its id or the beginning of it, as people type it."""

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.errors import InputNotFoundError
from core.language import tr


def id_beginning_with(
    session: Session, column: InstrumentedAttribute[str], beginning: str, kind: str, listing: str
) -> str:
    """Return the one id that is or begins so; raises InputNotFoundError, also for nothing at all.

    `kind` is what the record is called, `listing` the command that shows them.
    """
    # In order, an exact id comes before all that only begin so.
    begins_so = select(column).where(column.startswith(beginning, autoescape=True)).order_by(column).limit(2)
    found = session.scalars(begins_so).all()
    if beginning and len(found) == 1:
        return found[0]
    if beginning in found:
        return beginning
    how_many = f"more than one {kind} begins with" if beginning and found else f"there is no {kind}"
    raise InputNotFoundError(
        tr(
            "A {kind} must be named: {how_many} {beginning!r}. `{listing}` shows them all.",
            kind=kind,
            how_many=how_many,
            beginning=beginning,
            listing=listing,
        )
    )
