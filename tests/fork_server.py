"""Real processes of this project without their start: a process that has everything imported forks on request.

`ForkServer.launch` is in for `core.runs.work.launch`: the same modules run with the same arguments, environment and
log, each in a process and a session of its own; only importing torch, which takes longer than most tests, is shared.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOCKET = "TEST_FORK_SERVER"
SECONDS_TO_START = 240


class ForkServer:
    """A server that lives as long as the tests that use it."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "fork.sock"
        environment = {**os.environ, SOCKET: str(self._address), "OMP_NUM_THREADS": "1"}
        self._server = subprocess.Popen([sys.executable, "-m", "tests.fork_server"], cwd=ROOT, env=environment)
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._address.exists():
            assert self._server.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def launch(self, arguments: Sequence[str], log: Path, variables: Mapping[str, str] | None = None) -> int:
        """Fork a process that runs a module and return its number."""
        environment = {**os.environ, **(variables or {}), SOCKET: str(self._address), "OMP_NUM_THREADS": "1"}
        return ask(self._address, [*map(str, arguments)], log, environment)

    def stand_in(self, patch: pytest.MonkeyPatch) -> None:
        """Have this process and all that it begins launch through this server."""
        patch.setattr("core.runs.executor.launch", self.launch)
        patch.setattr("core.services.runs.supervision.launch", self.launch)

    def close(self) -> None:
        """End the server; what it forked continues."""
        self._server.kill()
        self._server.wait()


def ask(address: Path | str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(address))
        asked = {"arguments": arguments, "log": str(log), "environment": dict(environment)}
        connection.sendall(json.dumps(asked).encode() + b"\n")
        with connection.makefile() as answer:
            return int(answer.readline())


def forked_launch(arguments: Sequence[str], log: Path, variables: Mapping[str, str] | None = None) -> int:
    return ask(os.environ[SOCKET], [*map(str, arguments)], log, {**os.environ, **(variables or {})})


def become(arguments: Sequence[str], log: str, environment: Mapping[str, str]) -> None:
    """Turn this fork into the process that was asked for; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = list(arguments)
        importlib.import_module(arguments[0]).main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - the fork must never run on as its server
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import torch

    import core.runs.session
    import core.services.workers.run
    import core.services.workers.supervisor
    import core.triage.engine

    torch.set_num_threads(1)
    core.runs.executor.launch = core.services.runs.supervision.launch = forked_launch
    # What was forked is collected by the system, so that none is left as a zombie.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    address = os.environ[SOCKET]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen(64)
        Path(f"{address}.new").rename(address)
        while True:
            connection, _ = listening.accept()
            with connection, connection.makefile() as question:
                asked = json.loads(question.readline())
                child = os.fork()
                if child == 0:
                    listening.close()
                    connection.close()
                    become(asked["arguments"], asked["log"], asked["environment"])
                connection.sendall(f"{child}\n".encode())


if __name__ == "__main__":
    main()
