"""A home of its own for each test, a served application, and a browser."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from core.services.desk import Desk, open_desk
from core.settings import get_settings
from tests.app.api_server import ServedApi, serve_api
from tests.app.served_process import free_port, served
from tests.conftest import ROOT
from tests.patience import PATIENCE_MS

PARTS = Path(__file__).with_name("parts_app.py")
KEPT = {"PNEUMODESK_KEEP_IDENTIFIERS": "1"}
"""For the parts' page: what its tests send is no image, and has to be found as it was."""
# Converting the model costs every new home some seconds: those of the tests share what was converted.
GRAPHS = Path(tempfile.mkdtemp(prefix="pneumodesk-graphs-"))
atexit.register(shutil.rmtree, GRAPHS, ignore_errors=True)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PNEUMODESK_MAX_FILE_MEGABYTES", "2")
    monkeypatch.setenv("PNEUMODESK_READER_WAITS_MINUTES", "0")
    get_settings.cache_clear()
    yield open_desk()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def api_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all tests that read single images, so that the model is made ready once."""
    return tmp_path_factory.mktemp("api") / "home"


@pytest.fixture(scope="session")
def api(api_home: Path) -> Iterator[ServedApi]:
    """The REST API served by itself."""
    with serve_api(api_home) as served:
        yield served


@dataclass(frozen=True)
class Served:
    address: str
    home: Path
    pid: int


@contextmanager
def serve(script: Path, home: Path, port: int | None = None) -> Iterator[Served]:
    port = port or free_port()
    (home / "caches").mkdir(parents=True, exist_ok=True)
    if not (home / "caches" / "graphs").exists():
        (home / "caches" / "graphs").symlink_to(GRAPHS)
    address = f"http://127.0.0.1:{port}"
    words = ("run", script, "--server.port", port)
    environment = {"PNEUMODESK_HOME": str(home), **(KEPT if script == PARTS else {})}
    with served("streamlit", words, f"{address}/_stcore/health", home / "server.log", environment) as pid:
        yield Served(address, home, pid)


@pytest.fixture
def start_parts() -> Callable[..., AbstractContextManager[Served]]:
    """Start the parts' page in a home, on a port of one's own choice."""
    return partial(serve, PARTS)


@pytest.fixture
def start_dashboard() -> Callable[..., AbstractContextManager[Served]]:
    """Start the whole application in a home, on a port of one's own choice."""
    return partial(serve, ROOT / "Home.py")


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(ROOT / "Home.py", tmp_path_factory.mktemp("dashboard") / "home") as served:
        yield served


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(PARTS, tmp_path_factory.mktemp("parts") / "home") as served:
        yield served


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("There is no chromium on this machine: `apt-get install chromium`.")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, headless=True, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def foreign_requests() -> list[str]:
    """Every address that a page asked of another host than the desk."""
    return []


@pytest.fixture
def tab(browser, foreign_requests: list[str]):
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE_MS)

    def note(address: str) -> None:
        if not address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            foreign_requests.append(address)

    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda websocket: note(websocket.url))
    yield page
    page.close()
