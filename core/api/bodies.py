"""How large a request may be, how long it may take to be sent, and how many may be under way at once."""

import time
from asyncio import timeout

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.access import is_session_route, route_path
from core.api.problems import problem
from core.api.settings import ApiSettings
from core.language import tr
from core.settings import MEGABYTE, get_settings

FORM_BYTES = 64 * 1024
"""What the form around a file may take."""
DOCUMENT_BYTES = MEGABYTE
CLOSE = {"Connection": "close"}
FILM_PATHS = ("/predict", "/v1/predictions")
BATCH_PATHS = ("/v1/batches",)


class Bodies:
    """Answers 413, 408 or 503 as soon as a request is too large, too slow, or one too many."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body watched; the dashboard's own uploads watch themselves."""
        if scope["type"] != "http" or is_session_route(scope):
            await self._app(scope, receive, send)
            return
        limit = self._limit(route_path(scope))
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            await problem(scope, 413, _too_large(limit), CLOSE)(scope, receive, send)
        elif self._under_way >= self._settings.max_bodies:
            await problem(scope, 503, "Too many requests are being sent at once: try again.")(scope, receive, send)
        else:
            body = _Body(receive, limit, self._settings)
            self._under_way += 1
            try:
                await self._app(scope, body.receive, send)
            finally:
                self._under_way -= 1

    def _limit(self, path: str) -> int:
        if path in FILM_PATHS:
            return get_settings().max_file_bytes + FORM_BYTES
        if path in BATCH_PATHS:
            return self._settings.max_batch_megabytes * MEGABYTE
        return DOCUMENT_BYTES


class _Body:
    """One body on its way; raises HTTPException into its reader."""

    def __init__(self, receive: Receive, limit: int, settings: ApiSettings) -> None:
        self._receive = receive
        self._limit = limit
        self._settings = settings
        self._deadline = time.monotonic() + settings.body_seconds
        self._num_bytes = 0
        self._is_whole = False

    async def receive(self) -> Message:
        """Return the next part, or answer 408 where it is late and 413 where the whole grows too large."""
        if self._is_whole:
            return await self._receive()
        try:
            async with timeout(min(self._settings.silence_seconds, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, tr("The request was sent too slowly: send it again."), CLOSE) from error
        self._num_bytes += len(message.get("body", b""))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._num_bytes > self._limit:
            raise HTTPException(413, _too_large(self._limit), CLOSE)
        return message


def _too_large(limit: int) -> str:
    return f"The request is larger than {limit / MEGABYTE:.0f} MB, the most that this address takes."
