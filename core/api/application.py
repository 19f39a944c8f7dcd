"""The REST API: its routes, who may ask them, and how much at once; every error is answered in a sentence."""

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware

from core.api import films, health, predict, uploads
from core.api.access import Access
from core.api.bodies import Bodies
from core.api.documentation import serve_documentation
from core.api.film_desk import FilmDesk
from core.api.known_queries import refuse_unknown_queries
from core.api.problems import Problem, answer_errors_as_problems
from core.api.settings import ApiSettings, get_api_settings
from core.api.v1 import routers
from core.api.watching import Figures, Watching, log_to_standard_error
from core.settings import NOTICE

API_VERSION = "1"
DESCRIPTION = f"""{NOTICE}

`POST /predict` reads one image as the original study's endpoint did; everything else is under `/v1`.
On the desk's own machine no key is needed unless the desk asks for one; from anywhere else always:
`python -m core keys make NAME --scope triage`. Every error is a problem document (RFC 9457)."""


def create_api(settings: ApiSettings | None = None) -> FastAPI:
    """Return the API, ready to be served by itself or mounted beside the dashboard."""
    settings = settings or get_api_settings()
    figures = Figures()
    log_to_standard_error()
    api = FastAPI(
        title="PneumoDesk",
        version=API_VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # Outermost first: what is refused is counted too, and nobody sends a body before they may.
        middleware=[
            Middleware(Watching, figures=figures),
            Middleware(Access, settings=settings),
            Middleware(Bodies, settings=settings),
        ],
    )
    api.state.figures = figures
    api.state.settings = settings
    api.state.film_desk = FilmDesk(settings, figures)
    serve_documentation(api)
    # The original study's endpoint took whatever stood in the query: who switches from it must not change a line.
    api.include_router(predict.router)
    for router in (health.router, *routers):
        api.include_router(router, dependencies=[Depends(refuse_unknown_queries)])
    # The dashboard's own pages use these, with tokens and signatures that no program has.
    for router in (uploads.router, films.router):
        api.include_router(router, include_in_schema=False)
    answer_errors_as_problems(api)
    api.openapi = lambda: _schema(api)  # type: ignore[method-assign]
    return api


def _schema(api: FastAPI) -> dict[str, object]:
    """Return the OpenAPI document, with the problem document that all routes may answer with."""
    if api.openapi_schema is None:
        schema = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes, servers=api.servers
        )
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        api.openapi_schema = schema
    return api.openapi_schema
