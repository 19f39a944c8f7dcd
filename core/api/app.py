"""The REST API, mounted under /api; every error made on purpose is answered with its sentence."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from core.api import health
from core.errors import DatabaseError, InputNotFoundError, PneumoDeskError, SettingsError
from core.settings import NOTICE


def create_api() -> FastAPI:
    """Return the API; its own documentation pages are off, since they load scripts from a foreign host."""
    api = FastAPI(title="PneumoDesk", description=NOTICE, docs_url=None, redoc_url=None)
    api.include_router(health.router)
    api.add_exception_handler(PneumoDeskError, _answer_with_sentence)
    return api


def _answer_with_sentence(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, InputNotFoundError):
        status = 404
    elif isinstance(error, DatabaseError | SettingsError):
        status = 503
    else:
        status = 400
    return JSONResponse({"detail": str(error)}, status_code=status)
