"""Whether the desk is alive, and which code answers."""

import platform
from typing import Any

from fastapi import APIRouter

from core.services.desk import open_desk
from core.services.provenance import code_version
from core.settings import NOTICE

router = APIRouter(tags=["desk"])


@router.get("/healthz")
def health() -> dict[str, str]:
    """Return `ok` if settings and database are in order; else 503 with a sentence."""
    open_desk()
    return {"status": "ok"}


@router.get("/version")
def version() -> dict[str, Any]:
    """Return the code's commit, Python's version and what the desk is not."""
    return {"name": "PneumoDesk", "code": code_version(), "python": platform.python_version(), "notice": NOTICE}
