"""Runs as jobs of a Ray cluster, behind the same calls as processes of this machine.

The cluster's nodes open the same desk: its home on a file system they share, its database on a server. Ray chooses the
node and the GPUs; a worker hears that it should stop from the database, as any worker does.
"""

import shlex
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import SettingsError
from core.language import tr
from core.runs.executor import JOB_VARIABLE, ClusterJob, LocalProcesses, UnreachableError, Worker, worker_command

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient  # pyright: ignore[reportMissingImports] - an extra

# A job that is to be killed has had its time already.
SECONDS_FROM_TERM_TO_KILL = 1


@dataclass(frozen=True)
class RayJobs:
    """Workers as jobs of the cluster at an address such as `http://head:8265`; raises SettingsError without ray."""

    address: str
    python: str
    project: Path
    module: str
    log_of: Callable[[str], Path]
    variables: Mapping[str, str]
    # Carries out nothing here, but tells of runs that were begun before there was a cluster.
    local: LocalProcesses

    schedules_devices = True

    @cached_property
    def _client(self) -> "JobSubmissionClient":
        try:
            from ray.job_submission import JobSubmissionClient  # pyright: ignore[reportMissingImports] - an extra
        except ImportError as error:
            raise SettingsError(
                tr(
                    "PNEUMODESK_CLUSTER names a Ray cluster, and the package ray is not installed. Install it with "
                    "`pip install 'ray[default]'`, in the version of the cluster, or take the setting away."
                )
            ) from error
        try:
            return JobSubmissionClient(self.address)
        except (OSError, RuntimeError) as error:
            raise UnreachableError(
                tr("The cluster at {address} cannot be reached: {error}", address=self.address, error=error)
            ) from error

    def start(self, run_id: str, place: str, num_devices: int) -> ClusterJob:
        """Submit a job for a run; raises UnreachableError while the cluster does not answer."""
        job = ClusterJob(f"{run_id}-{uuid.uuid4().hex[:8]}")
        words = [self.python, "-m", *worker_command(self.module, run_id, num_devices)]
        log = self.log_of(run_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        entrypoint = f"cd {shlex.quote(str(self.project))} && exec {shlex.join(words)} >> {shlex.quote(str(log))} 2>&1"
        variables = {
            **self.variables,
            JOB_VARIABLE: job.id,
            "RAY_JOB_STOP_WAIT_TIME_S": str(SECONDS_FROM_TERM_TO_KILL),
        }
        try:
            self._client.submit_job(
                entrypoint=entrypoint,
                submission_id=job.id,
                runtime_env={"env_vars": variables},
                entrypoint_num_cpus=1,
                entrypoint_num_gpus=num_devices if place.startswith("cuda") else 0,
                metadata={"run": run_id},
            )
        except (OSError, RuntimeError) as error:
            raise UnreachableError(
                tr("The cluster at {address} took no job: {error}", address=self.address, error=error)
            ) from error
        return job

    def ask_to_end(self, worker: Worker) -> None:
        """Leave a job alone: it hears the request from the database, and Ray's own stop would soon kill it."""
        if not isinstance(worker, ClusterJob):
            self.local.ask_to_end(worker)

    def kill(self, worker: Worker) -> None:
        """Have Ray end a job with all its processes; does nothing if it has ended or is not known."""
        if not isinstance(worker, ClusterJob):
            self.local.kill(worker)
            return
        try:
            self._client.stop_job(worker.id)
        except (OSError, RuntimeError, UnreachableError):
            # Tried again at the next look, for as long as the job is not confirmed gone.
            return

    def is_alive(self, worker: Worker) -> bool:
        """Return whether a job is queued or running; while the cluster does not answer it is not confirmed gone."""
        if not isinstance(worker, ClusterJob):
            return self.local.is_alive(worker)
        try:
            return not self._client.get_job_status(worker.id).is_terminal()
        except RuntimeError as error:
            # Ray says so of a job that it has never heard of, or has forgotten with a cluster that was ended.
            return "does not exist" not in str(error)
        except (OSError, UnreachableError):
            return True
