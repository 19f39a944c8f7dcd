"""Every error as problem details (RFC 9457): a type, a title, the status and a sentence, and never a trace."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from core.errors import (
    DatabaseError,
    InputNotFoundError,
    PneumoDeskError,
    RadiographError,
    SettingsError,
    TrainingError,
)
from core.services.films.images import PictureRefusedError
from core.services.films.uploads import DiskFullError, NameTakenError, UploadTooLargeError
from core.services.registry.activation import ActivationError
from core.services.runs.api_launch import FolderRefusedError
from core.services.triage.api_batches import RepeatedDifferentlyError, StillUnderWayError, TooManyBatchesError

MEDIA_TYPE = "application/problem+json"
STATUS_OF_ERROR: dict[type[PneumoDeskError], int] = {
    PictureRefusedError: 403,
    FolderRefusedError: 403,
    InputNotFoundError: 404,
    ActivationError: 409,
    NameTakenError: 409,
    StillUnderWayError: 409,
    TrainingError: 409,
    UploadTooLargeError: 413,
    RepeatedDifferentlyError: 422,
    TooManyBatchesError: 429,
    RadiographError: 422,
    DatabaseError: 503,
    SettingsError: 503,
    DiskFullError: 507,
}
SECONDS_TO_RETRY = {429: 5, 503: 2}
INTERNAL = "Something went wrong inside the desk. Its log has more, under this request id."
MOST_ERRORS = 20


class Problem(BaseModel):
    """Why a request was not answered as asked."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Names the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong here, and what to do.")
    request_id: str | None = Field(default=None, description="Names this request in the desk's log.")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the entries of a route's documentation for what may go wrong with it."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({400, 401, 403, 408, 413, 429, 500, 503, *statuses})
    }


def problem(
    scope: Mapping[str, Any], status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the answer to a request that cannot be met; `more` are further members of the document."""
    title = HTTPStatus(status).phrase
    request_id = scope.get("state", {}).get("request_id")
    document = {
        "type": f"urn:pneumodesk:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request_id,
        **more,
    }
    wait = {"Retry-After": str(SECONDS_TO_RETRY[status])} if status in SECONDS_TO_RETRY else {}
    named = {"X-Request-Id": request_id} if request_id else {}
    return JSONResponse(document, status, {**wait, **named, **(headers or {})}, MEDIA_TYPE)


def answer_errors_as_problems(api: FastAPI) -> None:
    """Have every error of an application answered as problem details."""
    api.add_exception_handler(PneumoDeskError, _known)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(Exception, _unknown)


def _known(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS_OF_ERROR.items() if isinstance(error, kind)), 400)
    more: dict[str, Any] = {"reason": str(error.reason)} if isinstance(error, RadiographError) else {}
    return problem(request.scope, status, str(error), None, **more)


def _http(request: Request, error: Exception) -> JSONResponse:
    status, detail = getattr(error, "status_code", 500), getattr(error, "detail", "")
    sentences = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    said = sentences.get(status, detail) if detail == HTTPStatus(status).phrase else detail
    return problem(request.scope, status, str(said), getattr(error, "headers", None))


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Tell where a request does not fit, without repeating what was sent."""
    found = error.errors()[:MOST_ERRORS] if isinstance(error, RequestValidationError) else []
    errors = [{"where": ".".join(map(str, entry["loc"])), "what": entry["msg"]} for entry in found]
    first = f" First: {errors[0]['where']}: {errors[0]['what']}." if errors else ""
    return problem(request.scope, 422, f"The request does not fit what this address takes.{first}", errors=errors)


def _unknown(request: Request, error: Exception) -> JSONResponse:
    return problem(request.scope, 500, INTERNAL)
