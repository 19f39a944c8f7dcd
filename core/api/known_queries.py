"""A misspelt query parameter is refused: left out in silence, it would give an answer to another question."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from core.language import tr


def refuse_unknown_queries(request: Request) -> None:
    """Raise RequestValidationError if the query names what the route does not take."""
    taken = set(_query_names(request.scope["route"].dependant))
    unknown = [name for name in request.query_params if name not in taken]
    if unknown:
        said = (
            tr("this address knows no such parameter; it takes {parameters}", parameters=", ".join(sorted(taken)))
            if taken
            else tr("this address knows no such parameter; it takes none")
        )
        raise RequestValidationError(
            [
                {
                    "loc": ("query",),
                    "msg": said,
                    "type": "extra_forbidden",
                }
            ]
        )


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for part in dependant.dependencies:
        yield from _query_names(part)
