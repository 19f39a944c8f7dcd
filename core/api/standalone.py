"""The API by itself, as `uvicorn core.api:app` serves it."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from core.api.application import create_api
from core.api.desk_life import desk_life
from core.api.security_headers import SecurityHeaders


def make_app() -> ASGIApp:
    """Return the API with the headers that the dashboard's front door would otherwise add."""
    api = create_api()
    api.router.lifespan_context = _lifespan
    return SecurityHeaders(api)


@asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    """Begin to load the model at once, since a server of the API alone is there to analyse images."""
    # The API writes a line for each request itself, without what may name a patient.
    logging.getLogger("uvicorn.access").disabled = True
    api.state.film_desk.model.load_in_background()
    async with desk_life(api):
        yield
