"""Who is asking, and whether they may: keys, scopes, and how often."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from core.api.exposure import is_exposed
from core.api.own_origin import READING_METHODS, WRONG_ORIGIN
from core.api.problems import problem
from core.api.settings import ApiSettings
from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import api_keys, open_desk

OPEN_PATHS = frozenset({"/", "/docs", "/openapi.json", "/healthz", "/readyz", "/version"})
OPEN_PREFIXES = ("/assets/",)
# The dashboard's own pages ask these, and each request carries a token or signature of its own.
SESSION_PREFIXES = ("/uploads/", "/films/")
SECONDS_A_KEY_IS_REMEMBERED = 1.0
MOST_REMEMBERED_KEYS = 256
NO_NAME = "a program on this machine"
NO_KEY = "This needs a key: send it as `Authorization: Bearer KEY`. `python -m core keys make NAME` makes one."
WRONG_KEY = "This key is not known, was revoked or is over its time."


@dataclass(frozen=True)
class Caller:
    """The origin of a request: a key's holder, or a program on this machine without one."""

    name: str
    key: api_keys.ApiKey | None = None

    def may(self, scope: api_keys.Scope) -> bool:
        """Return whether the caller may do what needs this scope; programs on this machine may do all."""
        return self.key is None or self.key.may(scope)


def route_path(scope: Scope) -> str:
    """Return a request's path as the API's own routes see it, without the place it is mounted at."""
    return scope["path"].removeprefix(scope.get("root_path", "")) or "/"


def is_session_route(scope: Scope) -> bool:
    """Return whether a request is one of the dashboard's own pages'."""
    return route_path(scope).startswith(SESSION_PREFIXES)


class Access:
    """Lets in who has a valid key, and on this machine alone also who has none; counts how often each asks."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._remembered: dict[str, tuple[float, api_keys.ApiKey]] = {}
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(settings.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller, or refuse it."""
        if scope["type"] != "http" or _is_open(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        text = _key_text(headers)
        try:
            key = await self._find(text) if text else None
        except PneumoDeskError as error:
            await problem(scope, 503, str(error))(scope, receive, send)
            return
        address = (scope.get("client") or ("unknown", 0))[0]
        caller = Caller(key.name, key) if key else Caller(NO_NAME)
        identity = f"key {key.id}" if key else f"address {address}"
        if not await self._limiter.hit(self._limit, identity):
            answer = self._too_often(scope)
        elif text and key is None:
            answer = problem(scope, 401, WRONG_KEY, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        elif key is None and (self._settings.keys_required or is_exposed(scope)):
            answer = problem(scope, 401, NO_KEY, {"WWW-Authenticate": "Bearer"})
        elif key is None and _is_from_foreign_page(scope, headers):
            answer = problem(scope, 403, WRONG_ORIGIN)
        else:
            scope.setdefault("state", {})["caller"] = caller
            answer = self._app
        await answer(scope, receive, send)

    async def _find(self, text: str) -> api_keys.ApiKey | None:
        now = time.monotonic()
        until, key = self._remembered.get(text, (0.0, None))
        if now < until:
            return key
        self._remembered.pop(text, None)
        key = await to_thread.run_sync(lambda: api_keys.find_key(open_desk(), text))
        if key is not None:
            if len(self._remembered) >= MOST_REMEMBERED_KEYS:
                self._remembered.clear()
            self._remembered[text] = (now + SECONDS_A_KEY_IS_REMEMBERED, key)
        return key

    def _too_often(self, scope: Scope) -> ASGIApp:
        limit = self._settings.requests_per_minute
        return problem(scope, 429, f"More than {limit} requests a minute: wait a little.", {"Retry-After": "5"})


_bearer = HTTPBearer(auto_error=False, description="A key from `python -m core keys make NAME --scope SCOPE`.")


def requires(scope: api_keys.Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that gives a route its caller, and answers 403 if their key does not open a scope."""

    async def check(
        request: Request, _shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
    ) -> Caller:
        """Return the caller, or answer 403."""
        caller: Caller = request.state.caller
        if not caller.may(scope):
            raise HTTPException(
                403,
                tr(
                    "The key {name!r} does not open this: it needs the scope {scope!r}.",
                    name=caller.name,
                    scope=scope.value,
                ),
            )
        return caller

    return check


Reader = Annotated[Caller, Depends(requires(api_keys.Scope.READ))]
Triager = Annotated[Caller, Depends(requires(api_keys.Scope.TRIAGE))]
Trainer = Annotated[Caller, Depends(requires(api_keys.Scope.TRAIN))]


def _is_open(scope: Scope) -> bool:
    path = route_path(scope)
    return path in OPEN_PATHS or path.startswith((*OPEN_PREFIXES, *SESSION_PREFIXES))


def _key_text(headers: Headers) -> str:
    kind, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")


def _is_from_foreign_page(scope: Scope, headers: Headers) -> bool:
    """Return whether a change was asked for by a page of another site; programs send no origin."""
    origin = headers.get("origin")
    if origin is None or scope["method"] in READING_METHODS:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:
        return True
