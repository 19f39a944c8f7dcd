"""The REST API: `core.api:app` by itself, or mounted beside the dashboard."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Make the standalone application when a server asks for `core.api:app`, and not when a route is imported."""
    if name != "app":
        raise AttributeError(f"core.api has no {name!r}")
    from core.api.standalone import make_app

    return make_app()
