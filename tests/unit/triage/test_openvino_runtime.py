"""The inference engine's library tells nobody that it is used."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WATCH = """
import socket, sys, threading, time
asked = []
def refuse(*where, **more):
    asked.append(where[0])
    raise OSError("no network here")
socket.getaddrinfo = refuse
import core.triage.engine, core.triage.exported
import openvino
openvino.convert_model
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(5)
print("asked:", asked, "telemetry:", sys.modules.get("openvino_telemetry"))
"""


def test_importing_the_engine_asks_no_host_and_leaves_no_files(tmp_path: Path) -> None:
    """Neither a look-up of a name nor a client id in the home folder comes of importing OpenVINO through the engine."""
    told = subprocess.run(
        [sys.executable, "-c", WATCH],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "asked: [] telemetry: None"
    assert list(tmp_path.rglob("*")) == []
