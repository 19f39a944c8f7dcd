"""Whether the desk is alive and ready, which code answers, and its figures."""

import platform
from typing import Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from core.api.access import Reader
from core.api.film_desk import Films
from core.api.problems import problem_responses
from core.language import tr
from core.services.desk import open_desk
from core.services.desk.opening import require_database
from core.services.desk.provenance import code_version
from core.settings import NOTICE

router = APIRouter(tags=["desk"])
# Threads of their own, so that anyone who watches over a busy desk never waits for one.
_watchers = CapacityLimiter(4)


class Health(BaseModel):
    """The desk is alive."""

    status: Literal["ok"] = "ok"


class Version(BaseModel):
    """Which code answers."""

    name: str = "PneumoDesk"
    code: str
    python: str
    notice: str = NOTICE


@router.get("/healthz", responses=problem_responses())
async def health() -> Health:
    """Return `ok` if settings and database are in order; else 503 with a sentence."""
    await to_thread.run_sync(open_desk, limiter=_watchers)
    return Health()


@router.get("/readyz", responses=problem_responses())
async def ready(films: Films) -> Health:
    """Return `ok` if images can be read at once; else 503, and the model begins to load."""
    await to_thread.run_sync(lambda: require_database(open_desk()), limiter=_watchers)
    if films.model.loaded is None:
        films.model.load_in_background()
        raise HTTPException(503, films.model.problem or tr("The model is being loaded: try again in a moment."))
    return Health()


@router.get("/version", responses=problem_responses())
def version() -> Version:
    """Return the code's commit, Python's version and what the desk is not."""
    return Version(code=code_version(), python=platform.python_version())


@router.get("/metrics", responses=problem_responses(), response_class=Response)
def metrics(request: Request, _caller: Reader) -> Response:
    """Return the server's figures as Prometheus reads them."""
    figures: Any = request.app.state.figures
    return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)
