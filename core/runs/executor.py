"""What carries out a run: processes of this machine today, a cluster engine behind the same calls one day."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.runs.process_identity import ProcessIdentity
from core.runs.work import launch

# By this variable a worker learns that it is a job of a cluster engine, and which.
JOB_VARIABLE = "PNEUMODESK_RUN_JOB"


@dataclass(frozen=True)
class ClusterJob:
    """A worker that a cluster engine carries out, by the name the engine knows it by."""

    id: str


Worker = ProcessIdentity | ClusterJob


class UnreachableError(Exception):
    """What carries out runs does not answer now; what was asked of it is to be asked again."""


TORCHRUN = ("torch.distributed.run", "--standalone")


class Executor(Protocol):
    """Begins the worker of a run and ends it; the worker itself writes how the run stands."""

    # Whether it chooses devices itself, and is given every run that waits.
    schedules_devices: bool

    def start(self, run_id: str, place: str, num_devices: int) -> Worker:
        """Begin the worker of a run over so many devices and return who it is.

        Raises OSError if there is no room for it, UnreachableError if it should be tried again.
        """
        ...

    def ask_to_end(self, worker: Worker) -> None:
        """Ask a worker to end after a checkpoint; does nothing if it has ended."""

    def kill(self, worker: Worker) -> None:
        """End a worker at once; does nothing if it has ended."""

    def is_alive(self, worker: Worker) -> bool:
        """Return whether a worker has not been confirmed to be gone."""
        ...


@dataclass(frozen=True)
class LocalProcesses:
    """Workers as processes of this machine, each with a log of its own."""

    module: str
    log_of: Callable[[str], Path]
    variables: Mapping[str, str]

    schedules_devices = False

    def start(self, run_id: str, place: str, num_devices: int) -> ProcessIdentity:
        """Begin a process in a session of its own; for several devices torchrun, which begins one for each."""
        variables = dict(self.variables)
        if num_devices > 1:
            # By itself torchrun gives each process one thread.
            variables.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // num_devices)))
        return ProcessIdentity.of(
            launch(worker_command(self.module, run_id, num_devices), self.log_of(run_id), variables)
        )

    def ask_to_end(self, worker: Worker) -> None:
        """Send SIGTERM."""
        if isinstance(worker, ProcessIdentity):
            send(worker, signal.SIGTERM)

    def kill(self, worker: Worker) -> None:
        """Send SIGKILL to the worker and all that it began: it leads a session of its own."""
        if isinstance(worker, ProcessIdentity):
            send(worker, signal.SIGKILL)

    def is_alive(self, worker: Worker) -> bool:
        """Return whether a process still runs; a cluster's job or another host's process is not given up here."""
        return is_alive_here(worker)


def is_alive_here(worker: Worker) -> bool:
    """Return whether a worker has not been confirmed to be gone, by what can be seen from this host alone."""
    return worker.is_alive() if isinstance(worker, ProcessIdentity) and worker.is_here else True


def worker_command(module: str, run_id: str, num_devices: int) -> list[str]:
    """Return what follows `python -m` to carry out a run: for several devices torchrun begins a worker for each."""
    if num_devices == 1:
        return [module, run_id]
    return [*TORCHRUN, f"--nproc-per-node={num_devices}", "-m", module, run_id]


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
