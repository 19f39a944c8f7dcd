"""What a server's keeper sees: an id and a log line for each request, and figures for Prometheus.

No line and no figure carries a file's name, a query or a body: they may name a patient.
"""

import json
import logging
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER = logging.getLogger("pneumodesk.api")
REQUEST_ID_HEADER = "X-Request-Id"
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Figures:
    """The figures of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "pneumodesk_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "pneumodesk_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self.under_way = Gauge("pneumodesk_requests_under_way", "Requests being answered.", registry=self.registry)
        self.predictions = Counter(
            "pneumodesk_predictions", "Single images answered, by outcome.", ("outcome",), registry=self.registry
        )
        self.waiting = Gauge("pneumodesk_films_waiting", "Single images that wait.", registry=self.registry)
        self.batch_sizes = Histogram(
            "pneumodesk_micro_batch_films", "Images analysed together.", buckets=(1, 2, 3, 4, 8), registry=self.registry
        )


class Watching:
    """Gives every request its id, writes its line and counts it."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its answer back with the id, and take note of both."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = asked if _USABLE_ID.fullmatch(asked) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 500

        async def send_named(message: Message) -> None:
            """Send a message on, the first of an answer with the id, and keep its status."""
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).setdefault(REQUEST_ID_HEADER, request_id)
            await send(message)

        self._figures.under_way.inc()
        try:
            await self._app(scope, receive, send_named)
        finally:
            self._figures.under_way.dec()
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, not the path: a path may be anything, and an asker must not make up figures.
        route = getattr(scope.get("route"), "path", "none")
        caller = scope["state"].get("caller")
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
        self._figures.requests.labels(method, route, status).inc()
        self._figures.seconds.labels(route).observe(seconds)
        fields = {
            "request_id": scope["state"]["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "caller": caller.name if caller else None,
        }
        LOGGER.log(logging.WARNING if status >= 500 else logging.INFO, "request", extra={"fields": fields})


class JsonLines(logging.Formatter):
    """One JSON document a line: time, level, event and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as its line."""
        fields: dict[str, Any] = getattr(record, "fields", {})
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": moment, "level": record.levelname, "event": record.getMessage(), **fields})


def log_to_standard_error() -> None:
    """Write the API's lines to standard error, once however often it is asked for."""
    if not LOGGER.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
