"""The REST API as a process of its own, as `uvicorn core.api:app` serves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.app.served_process import free_port, served


@dataclass(frozen=True)
class ServedApi:
    address: str
    home: Path
    pid: int
    log: Path


@contextmanager
def serve_api(
    home: Path, host: str = "127.0.0.1", application: str = "core.api:app", **environment: str
) -> Iterator[ServedApi]:
    """Yield the served API once it says that it is ready to analyse images."""
    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "api.log"
    address = f"http://127.0.0.1:{port}"
    words = (application, "--host", host, "--port", port)
    with served("uvicorn", words, f"{address}/readyz", log, {"PNEUMODESK_HOME": str(home), **environment}) as pid:
        yield ServedApi(address, home, pid, log)


def memory_megabytes(pid: int) -> float:
    """The memory of a process that is no other's and no file's."""
    import psutil

    return psutil.Process(pid).memory_full_info().uss / 1e6
