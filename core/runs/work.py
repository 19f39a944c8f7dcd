"""Starts work in processes of their own, and says in which states work is under way."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.settings import PROJECT_ROOT
from db.states import State

LIVE_STATES = (State.STARTING.value, State.RUNNING.value, State.STOPPING.value)
UNFINISHED = (State.STOPPED.value, State.LOST.value, State.FAILED.value)


def launch(arguments: Sequence[str], log: Path, variables: Mapping[str, str] | None = None) -> int:
    """Start a Python module as a process that outlives this one, its tab and its terminal; return its number.

    `variables` are set in its environment beside those of this process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **(variables or {})},
            start_new_session=True,
        )
    # Collected when it ends, so that it is never left as a zombie that seems alive.
    threading.Thread(target=process.wait, daemon=True, name=f"wait-{process.pid}").start()
    return process.pid
