"""What carries out a run: processes of this machine today, a cluster engine behind the same calls one day."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.runs.process_identity import ProcessIdentity
from core.runs.work import launch

TORCHRUN = ("torch.distributed.run", "--standalone")


class Executor(Protocol):
    """Begins the worker of a run and ends it; the worker itself writes how the run stands."""

    def start(self, run_id: str, num_devices: int) -> ProcessIdentity:
        """Begin the worker of a run over so many devices and return who it is; raises OSError if there is no room."""

    def ask_to_end(self, worker: ProcessIdentity) -> None:
        """Ask a worker to end after a checkpoint; does nothing if it has ended."""

    def kill(self, worker: ProcessIdentity) -> None:
        """End a worker at once; does nothing if it has ended."""


@dataclass(frozen=True)
class LocalProcesses:
    """Workers as processes of this machine, each with a log of its own."""

    module: str
    log_of: Callable[[str], Path]
    variables: Mapping[str, str]

    def start(self, run_id: str, num_devices: int) -> ProcessIdentity:
        """Begin a process in a session of its own; for several devices torchrun, which begins one for each."""
        arguments, variables = [self.module, run_id], dict(self.variables)
        if num_devices > 1:
            arguments = [*TORCHRUN, f"--nproc-per-node={num_devices}", "-m", *arguments]
            # By itself torchrun gives each process one thread.
            variables.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // num_devices)))
        return ProcessIdentity.of(launch(arguments, self.log_of(run_id), variables))

    def ask_to_end(self, worker: ProcessIdentity) -> None:
        """Send SIGTERM."""
        send(worker, signal.SIGTERM)

    def kill(self, worker: ProcessIdentity) -> None:
        """Send SIGKILL to the worker and all that it began: it leads a session of its own."""
        send(worker, signal.SIGKILL)


def send(worker: ProcessIdentity, number: signal.Signals) -> None:
    """Send a signal to a process if it is still the one that is meant."""
    if not worker.is_alive():
        return
    try:
        if number is signal.SIGKILL and os.getpgid(worker.pid) == worker.pid:
            os.killpg(worker.pid, number)
        else:
            os.kill(worker.pid, number)
    except ProcessLookupError:
        # It ended between the look and the signal.
        return
