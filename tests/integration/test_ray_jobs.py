"""Runs as jobs of a real Ray cluster on this machine: begun, followed, stopped, killed and found lost."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.runs.executor import LocalProcesses, UnreachableError
from core.runs.queueing import RUNS
from core.runs.ray_jobs import RayJobs
from core.runs.supervisor import look
from core.services.desk import Desk
from core.services.runs.requests import TrainRequest, record_run
from core.services.runs.supervision import executor_of, variables_of
from core.settings import PROJECT_ROOT
from core.training.config import TrainingConfig
from db import models as tables
from db.base import utc_now
from tests.patience import PATIENCE_SECONDS
from tests.small_desk import small_desk

pytest.importorskip("ray", reason="ray is not installed: pip install 'ray[default]' to try runs on a cluster")
pytestmark = pytest.mark.timeout(600)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/version", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray cluster of one node, on ports of its own, that ends with the tests."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    ray = shutil.which("ray", path=str(Path(sys.executable).parent)) or shutil.which("ray")
    # Short, because the paths of Ray's sockets have a limit.
    folder = Path(f"/tmp/ray-of-{os.getpid()}")
    words = ["start", "--head", "--block", "--num-cpus=2", f"--port={ports[0]}", f"--dashboard-port={ports[1]}"]
    words += [
        "--include-dashboard=true",
        "--disable-usage-stats",
        f"--temp-dir={folder}",
        "--node-ip-address=127.0.0.1",
    ]
    environment = {**os.environ, "RAY_enable_metrics_collection": "0"}
    node = subprocess.Popen([ray, *words], env=environment, start_new_session=True, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{ports[1]}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(address):
        assert node.poll() is None and time.monotonic() < deadline, "Ray did not start"
        time.sleep(0.2)
    yield address
    # All at once: asked to end, a node first drains itself for half a minute.
    for process in [*psutil.Process(node.pid).children(recursive=True), node]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    node.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, cluster: str) -> Desk:
    desk = small_desk(tmp_path_factory.mktemp("home"), cluster=cluster)
    desk.settings.runs.mkdir(parents=True)
    return desk


@pytest.fixture(scope="module")
def jobs(desk: Desk, cluster: str) -> RayJobs:
    """The desk's own executor, but for the runs that it carries out: they train nothing."""
    own = executor_of(desk)
    assert isinstance(own, RayJobs) and own.address == cluster
    local = LocalProcesses("nothing", own.log_of, {})
    return RayJobs(cluster, sys.executable, PROJECT_ROOT, "tests.trivial_runs", own.log_of, variables_of(desk), local)


def queued(desk: Desk, epochs: int) -> str:
    return record_run(desk, TrainRequest(data=desk.settings.home, config=TrainingConfig(epochs=epochs)))


def run_of(desk: Desk, run_id: str) -> tables.Run:
    with desk.reading() as session:
        return session.get_one(tables.Run, run_id)


def looked_until(desk: Desk, jobs: RayJobs, run_id: str, holds: Callable[[tables.Run], bool]) -> tables.Run:
    """Look as a supervisor does until something holds of a run."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds(run := run_of(desk, run_id)):
        assert time.monotonic() < deadline, f"{run.state} {run.job}\n{jobs.log_of(run_id)}"
        look(desk.reading, desk.transaction, jobs, ())
        time.sleep(0.1)
    return run


def test_a_job_is_submitted_followed_and_completes(desk: Desk, jobs: RayJobs) -> None:
    """The run names its job, tells how far it is as any run does, and completes; then the job is no longer alive."""
    run_id = queued(desk, epochs=2)
    run = looked_until(desk, jobs, run_id, lambda run: run.state == "completed")
    assert run.job.startswith(run_id) and run.num_attempts == 1
    with desk.reading() as session:
        assert len(session.get_one(tables.Run, run_id).metrics) == 2
    deadline = time.monotonic() + PATIENCE_SECONDS
    while jobs.is_alive(RUNS.worker_of(run)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_job_hears_a_stop_and_a_deaf_one_is_ended(desk: Desk, jobs: RayJobs) -> None:
    """One ends by itself when asked; one that continues past its bound is ended by Ray."""
    hearing, deaf = queued(desk, epochs=1000), queued(desk, epochs=1000)
    for run_id in (hearing, deaf):
        looked_until(desk, jobs, run_id, lambda run: run.state == "running")
    with desk.transaction() as session:
        run = session.get_one(tables.Run, hearing)
        run.state, run.stop_requested, run.stop_requested_at = "stopping", True, utc_now()
        # Its flag is not set: it never hears of the stop.
        run = session.get_one(tables.Run, deaf)
        run.state, run.stop_requested_at = "stopping", utc_now()
        run.progress = {"seconds_per_step": -8.0}
    assert looked_until(desk, jobs, hearing, lambda run: run.state != "stopping").state == "stopped"
    ended = looked_until(desk, jobs, deaf, lambda run: run.state != "stopping")
    assert ended.state == "stopped" and not jobs.is_alive(RUNS.worker_of(ended))


def test_a_killed_job_is_lost_and_one_of_a_silent_cluster_is_not(desk: Desk, jobs: RayJobs) -> None:
    """kill -9 of its process is told by Ray; while the cluster does not answer, nothing is given up or begun."""
    run_id = queued(desk, epochs=1000)
    run = looked_until(desk, jobs, run_id, lambda run: run.state == "running")
    silent = RayJobs("http://127.0.0.1:9", sys.executable, PROJECT_ROOT, "nothing", jobs.log_of, {}, jobs.local)
    assert silent.is_alive(RUNS.worker_of(run))
    with pytest.raises(UnreachableError, match="cannot be reached"):
        silent.start(run_id, "cpu", 1)
    waiting = queued(desk, epochs=1)
    look(desk.reading, desk.transaction, silent, ())
    assert run_of(desk, run_id).state == "running" and run_of(desk, waiting).state == "queued"
    os.kill(run.pid, signal.SIGKILL)
    lost = looked_until(desk, jobs, run_id, lambda run: run.state != "running")
    assert (lost.state, lost.failure["kind"]) == ("lost", "killed")
    assert looked_until(desk, jobs, waiting, lambda run: run.state == "completed").num_attempts == 1
