"""The REST API as a process of its own, as `uvicorn core.api:app` serves it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ServedApi:
    address: str
    home: Path
    pid: int
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve_api(home: Path, host: str = "127.0.0.1", application: str = "core.api:app", **environment: str):
    """Yield the served API once it says that it is ready to analyse images."""
    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "api.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", application, "--host", host, "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "PNEUMODESK_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        stdout=log.open("ab"),
        stderr=subprocess.STDOUT,
    )
    try:
        yield ServedApi(f"http://127.0.0.1:{port}", home, process.pid, log) if _is_ready(process, port, log) else None
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended by itself:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"the server was not ready in time:\n{log.read_text()}")


def memory_megabytes(pid: int) -> float:
    """The memory of a process that is no other's and no file's."""
    import psutil

    return psutil.Process(pid).memory_full_info().uss / 1e6
