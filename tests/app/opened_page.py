"""A page of the dashboard as its script makes it, without a server or a browser."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE_SECONDS

SCRIPT = Path(__file__).resolve().parents[2] / "core" / "ui" / "desk.py"


def open_page(name: str, **query: str) -> AppTest:
    """Return the page of this name, come to from the first one, with these query parameters."""
    app = AppTest.from_file(str(SCRIPT), default_timeout=PATIENCE_SECONDS).run()
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"../../pages/{name}.py")
    return app.run()
