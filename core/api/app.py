"""The REST API, mounted under /api; every error made on purpose is answered with its sentence."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from core.api import films, health, uploads
from core.errors import DatabaseError, InputNotFoundError, PneumoDeskError, RadiographError, SettingsError
from core.services.films import PictureRefusedError
from core.services.uploads import DiskFullError, NameTakenError, UploadTooLargeError
from core.settings import NOTICE

STATUS_OF_ERROR: dict[type[PneumoDeskError], int] = {
    PictureRefusedError: 403,
    InputNotFoundError: 404,
    NameTakenError: 409,
    UploadTooLargeError: 413,
    RadiographError: 422,
    DatabaseError: 503,
    SettingsError: 503,
    DiskFullError: 507,
}


def create_api() -> FastAPI:
    """Return the API; its own documentation pages are off, since they load scripts from a foreign host."""
    api = FastAPI(title="PneumoDesk", description=NOTICE, docs_url=None, redoc_url=None)
    api.include_router(health.router)
    api.include_router(uploads.router)
    api.include_router(films.router)
    api.add_exception_handler(PneumoDeskError, _answer_with_sentence)
    return api


def _answer_with_sentence(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS_OF_ERROR.items() if isinstance(error, kind)), 400)
    return JSONResponse({"detail": str(error)}, status_code=status)
