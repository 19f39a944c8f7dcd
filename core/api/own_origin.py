"""Lets in only who asked for this desk by its own name, and changes only from its own pages.

A page of another site could give its name this machine's address (DNS rebinding) and then read the desk as if it
were its own, or send it a form; both show in headers that a browser does not let a page forge.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Anyone who watches over the desk asks by address, and learns nothing but that it is alive.
OPEN_PATHS = frozenset({"/_stcore/health", "/api/healthz"})
# Of RFC 6455: the close code for what a server does not allow.
POLICY_VIOLATION = 1008
WRONG_HOST = "The desk does not answer to this name: add it to server.allowedHosts in .streamlit/config.toml."
WRONG_ORIGIN = "This request came from a page of another site."


class OwnOrigin:
    """Answers 403 to requests under a foreign name, and to changes and WebSockets from foreign pages.

    Streamlit's own check of WebSockets looks up this machine's address at a foreign host for every origin that it does
    not know; a refusal here comes before it.

    `allowed_hosts` are names without port, `*.name` for all below a name; none means any. Requests without
    Origin come from programs, not pages, and are let in.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._allowed = [host.strip().lower().rstrip(".").strip("[]") for host in allowed_hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        is_asked = scope["type"] in {"http", "websocket"} and scope["path"] not in OPEN_PATHS
        refusal = self._refusal(scope) if is_asked else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            # Before it is accepted, a close is answered with 403.
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal})
        else:
            await JSONResponse({"detail": refusal}, status_code=403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._allowed and not self._is_allowed(host):
            return WRONG_HOST
        origin = headers.get("origin")
        # Over a WebSocket a page reads and changes the desk, and a browser lets any page open one.
        may_change = scope["type"] == "websocket" or scope["method"] not in READING_METHODS
        if may_change and origin is not None and _place_of(origin) != host:
            return WRONG_ORIGIN
        return None

    def _is_allowed(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
        except ValueError:
            return False
        name = (parts.hostname or "").rstrip(".")
        return "@" not in host and any(
            name == allowed or allowed == "*" or (allowed.startswith("*.") and name.endswith(allowed[1:]))
            for allowed in self._allowed
        )


def _place_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
