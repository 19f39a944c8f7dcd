"""Swagger, served with every script and style from this machine."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

ASSETS = Path(fastapi_offline.__file__).parent / "static"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root(request: Request) -> RedirectResponse:
    """Lead to the documentation."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Return Swagger's page."""
    place = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{place}/openapi.json",
        title="PneumoDesk REST API",
        swagger_js_url=f"{place}/assets/swagger-ui-bundle.js",
        swagger_css_url=f"{place}/assets/swagger-ui.css",
        swagger_favicon_url=f"{place}/assets/favicon.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "persistAuthorization": False, "validatorUrl": None},
    )


def serve_documentation(api: FastAPI) -> None:
    """Add Swagger's page and its files to an application."""
    api.include_router(router)
    api.mount("/assets", StaticFiles(directory=ASSETS))
