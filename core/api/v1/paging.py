"""Long lists in pages: how many, from where, and where the next page is."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

Item = TypeVar("Item")
LARGEST_ID = 2**31 - 1


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(description="Address of the next page, null at the end.")


class Paging:
    """The part of a list that was asked for."""

    def __init__(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 50,
        offset: Annotated[int, Query(ge=0, le=10**9, description="How many to leave out.")] = 0,
    ) -> None:
        self.limit = limit
        self.offset = offset
        self._path = request.scope["path"]

    def page(self, fetch: Callable[[int, int], Sequence[Any]]) -> Any:
        """Return what makes the `Page` that `fetch(limit, offset)` fills; the route's own type turns it into one.

        One more is asked for, to know whether there is more.
        """
        found = fetch(self.limit + 1, self.offset)
        has_more = len(found) > self.limit
        address = f"{self._path}?limit={self.limit}&offset={self.offset + self.limit}"
        return {"items": list(found[: self.limit]), "next": address if has_more else None}


Paged = Annotated[Paging, Depends()]
