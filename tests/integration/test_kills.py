"""Every kind of process killed with -9 at random moments: nothing is lost, nothing is done twice, nothing is stuck.

`PNEUMODESK_KILLS` says how often each kind is killed, twice unless told otherwise. When a kill comes is drawn from a
fixed seed; what it hits depends on the machine, and none of it may matter.
"""

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from core.model.catalogue import Architecture, WeightsSource
from core.radiograph.phantom import synthesise_phantom
from core.runs.process_identity import ProcessIdentity
from core.runs.queues import QUEUES, find_all_lost
from core.services.datasets import import_jobs
from core.services.datasets.dataset import open_dataset
from core.services.datasets.import_jobs import ExaminationRequest, examine_again, get_examination, start_examination
from core.services.desk import Desk
from core.services.models.loading import load_predictor
from core.services.models.lookup import STARTER
from core.services.runs.control import enqueue, resume
from core.services.runs.requests import TrainRequest
from core.services.runs.status import get_detail, get_status, read_log, read_steps
from core.services.runs.supervision import variables_of
from core.services.sweeps.control import start_sweep
from core.services.sweeps.request import SweepAxis, SweepKind, SweepRequest
from core.services.sweeps.status import get_sweep
from core.services.triage import batches
from core.services.triage.batch_reading import TriageRequest, create_batch
from core.services.triage.batches import get_batch, resume_batch, start_batch
from core.training.config import FineTuning, Recipe, TrainingConfig
from db import models as tables
from tests.app.served_process import free_port
from tests.fork_server import ForkServer
from tests.hostile_files import encoded
from tests.no_workers import let_nobody_work
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.small_desk import small_desk

NUM_KILLS = int(os.environ.get("PNEUMODESK_KILLS", "2"))
SHORTEST, LONGEST = 0.005, 3.0
"""Seconds within which a kill comes after the process has begun."""
NUM_FILMS = 200
QUICK = TrainingConfig(
    architecture=Architecture.MOBILENET_V2,
    weights=WeightsSource.NONE,
    fine_tuning=FineTuning.FROZEN,
    recipe=Recipe.NONE,
    epochs=6,
    batch_size=2,
    image_size=32,
    precision="fp32",
)
pytestmark = pytest.mark.timeout(300 + 60 * NUM_KILLS)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Converted models, shared by the homes of the module."""
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture
def desk(tmp_path: Path, graphs: Path) -> Desk:
    (tmp_path / "home" / "caches").mkdir(parents=True)
    (tmp_path / "home" / "caches" / "graphs").symlink_to(graphs)
    return small_desk(
        tmp_path / "home", device="cpu", film_roots=str(tmp_path), reader_waits_minutes=5, checkpoint_minutes=0.01
    )


@pytest.fixture
def moments(request: pytest.FixtureRequest) -> Iterator[float]:
    """After how many seconds each kill comes: as many at once as late, in an order of the test's own."""
    drawn = random.Random(request.node.name)
    return iter([SHORTEST * (LONGEST / SHORTEST) ** drawn.random() for _ in range(NUM_KILLS)])


def killed(process: ProcessIdentity, after: float = 0.0) -> None:
    time.sleep(after)
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not process.is_alive())


@contextmanager
def no_time_to_start() -> Iterator[None]:
    """Who waits for a process that was killed before it began need not wait for the usual minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.runs.work_queue.SECONDS_TO_START", 0.0)
        yield


def reconcile(desk: Desk) -> None:
    """Reconcile as anyone who looks next does, and check that no process that is gone holds anything."""
    with no_time_to_start():
        find_all_lost(desk.reading, desk.transaction)
        with desk.reading() as session:
            for queue in QUEUES:
                for row in queue.live(session):
                    worker = ProcessIdentity.of_row(row)
                    assert row.state == "queued" or (worker is not None and worker.is_alive()), vars(row)


class Launched:
    """Launches through the fork server and knows what it launched last."""

    def __init__(self, forks: ForkServer, desk: Desk) -> None:
        self._forks, self._desk = forks, desk
        self.last: ProcessIdentity

    def __call__(self, words: list[str], log: Path) -> int:
        pid = self._forks.launch(words, log, variables_of(self._desk))
        self.last = ProcessIdentity.of(pid)
        return pid


def each_film_once(desk: Desk, batch_id: str) -> int:
    """Check that no image has two rows and that as many are counted as there are, and return how many."""
    with desk.reading() as session:
        files = Counter(session.scalars(select(tables.Reading.file).filter_by(batch_id=batch_id)))
        num_done = session.get_one(tables.Batch, batch_id).num_done
    assert set(files.values()) <= {1} and len(files) == num_done
    return num_done


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "0000.png").write_bytes(encoded(synthesise_phantom(1, size=256)))
    for number in range(1, NUM_FILMS):
        (folder / f"{number:04}.png").symlink_to(folder / "0000.png")
    return folder


def test_batch_workers(
    desk: Desk, films: Path, forks: ForkServer, moments: Iterator[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose worker is killed again and again ends complete, each image read once."""
    launched = Launched(forks, desk)
    monkeypatch.setattr(batches, "launch", launched)
    batch_id = start_batch(desk, TriageRequest(paths=(films,), again=True))
    for moment in moments:
        killed(launched.last, moment)
        reconcile(desk)
        each_film_once(desk, batch_id)
        if get_batch(desk, batch_id).state == "completed":
            assert each_film_once(desk, batch_id) == NUM_FILMS
            batch_id = start_batch(desk, TriageRequest(paths=(films,), again=True))
        else:
            assert get_batch(desk, batch_id).state == "lost"
            resume_batch(desk, batch_id)
    wait_until(lambda: get_batch(desk, batch_id).state == "completed", lambda: get_batch(desk, batch_id))
    assert each_film_once(desk, batch_id) == NUM_FILMS


def test_warm_readers(
    desk: Desk, films: Path, forks: ForkServer, moments: Iterator[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers that wait are killed with and without a batch in hand; the next one reads on what is left."""
    monkeypatch.setattr(batches, "launch", lambda words, log: 0)
    monkeypatch.setattr(batches, "offer_to_warm_process", lambda desk, batch_id: True)
    words, log = ["core.services.workers.warm_reader"], desk.settings.home / "reader.txt"

    def reader() -> ProcessIdentity:
        return ProcessIdentity.of(forks.launch(words, log, variables_of(desk)))

    batch_id = create_batch(desk, TriageRequest(paths=(films,), again=True))
    for moment in moments:
        killed(reader(), moment)
        reconcile(desk)
        if get_batch(desk, batch_id).state == "completed":
            assert each_film_once(desk, batch_id) == NUM_FILMS
            batch_id = create_batch(desk, TriageRequest(paths=(films,), again=True))
        else:
            each_film_once(desk, batch_id)
            resume_batch(desk, batch_id)
    last = reader()
    wait_until(lambda: get_batch(desk, batch_id).state == "completed", log.read_text)
    killed(last)
    assert each_film_once(desk, batch_id) == NUM_FILMS


def test_dataset_imports(
    small_cohort: Path, tmp_path: Path, desk: Desk, forks: ForkServer, moments: Iterator[float], monkeypatch
) -> None:
    """An import that is killed again and again ends in a dataset that opens with every image, half-written by none."""
    launched = Launched(forks, desk)
    monkeypatch.setattr(import_jobs, "launch", launched)
    folder = shutil.copytree(small_cohort, tmp_path / "cohort")
    num_images = len([path for path in folder.rglob("*") if path.is_file()])
    examination_id = start_examination(desk, ExaminationRequest(path=folder))
    for moment in moments:
        killed(launched.last, moment)
        reconcile(desk)
        status = get_examination(desk, examination_id)
        if status.state == "completed":
            assert len(open_dataset(desk, status.root, status.cohort_fingerprint).films) == num_images
            for cache in desk.settings.caches.iterdir():
                if not cache.is_symlink():
                    shutil.rmtree(cache)
            examination_id = start_examination(desk, ExaminationRequest(path=folder))
        else:
            assert status.state == "lost"
            examine_again(desk, examination_id)
    wait_until(lambda: not get_examination(desk, examination_id).is_live)
    status = get_examination(desk, examination_id)
    assert status.state == "completed", status.error
    assert len(open_dataset(desk, status.root, status.cohort_fingerprint).films) == num_images


def test_run_workers(desk: Desk, tmp_path: Path, forks: ForkServer, moments: Iterator[float]) -> None:
    """A training run that is killed again and again completes, with every step and every epoch exactly once."""
    folder = tmp_path / "cohort"
    for number in range(60):
        path = folder / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(synthesise_phantom(number, size=64, opacity=bool(number % 2))))

    def worker(run_id: str) -> ProcessIdentity | None:
        with desk.reading() as session:
            run = session.get_one(tables.Run, run_id)
            return ProcessIdentity.of_row(run)

    def check(run_id: str) -> None:
        steps = read_steps(desk, run_id).steps
        assert get_status(desk, run_id).state == "completed", read_log(desk, run_id)
        assert steps == tuple(range(1, steps[-1] + 1))
        assert [line["epoch"] for line in get_detail(desk, run_id).epochs] == list(range(1, QUICK.epochs + 1))

    run_id = enqueue(desk, TrainRequest(data=folder, config=QUICK))[0]
    for moment in moments:
        wait_until(lambda: worker(run_id) is not None, lambda: get_status(desk, run_id))  # noqa: B023 - used at once
        killed(worker(run_id), moment)
        reconcile(desk)
        if get_status(desk, run_id).state == "completed":
            check(run_id)
            run_id = enqueue(desk, TrainRequest(data=folder, config=QUICK))[0]
        else:
            assert get_status(desk, run_id).state == "lost"
            resume(desk, run_id)
    wait_until(lambda: not get_status(desk, run_id).is_live, lambda: read_log(desk, run_id))
    check(run_id)


def test_supervisors_of_a_sweep(
    desk: Desk, tmp_path: Path, forks: ForkServer, moments: Iterator[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search whose supervisor is killed again and again completes, and no trial of it began twice or not at all."""
    let_nobody_work(monkeypatch)
    desk.settings.runs.mkdir(parents=True)
    num_trials = 3 + NUM_KILLS
    request = SweepRequest(
        data=tmp_path,
        kind=SweepKind.SEARCH,
        axes=(SweepAxis(field="dropout", low=0.0, high=0.8),),
        num_trials=num_trials,
        base=TrainingConfig(epochs=6),
        pruning="none",
    )
    sweep_id = start_sweep(desk, request)
    log = desk.settings.home / "supervisor.txt"

    def supervisor() -> ProcessIdentity:
        return ProcessIdentity.of(forks.launch(["tests.trivial_runs", "supervise"], log, variables_of(desk)))

    def begun() -> ProcessIdentity:
        with no_time_to_start():
            find_all_lost(desk.reading, desk.transaction)
        return supervisor()

    for moment in moments:
        killed(begun(), moment)
    last = begun()
    wait_until(lambda: not last.is_alive(), log.read_text)
    sweep = get_sweep(desk, sweep_id)
    assert sweep.line.state == "completed", log.read_text()
    # A number that was asked for in the moment of a kill, and got no settings, is passed over.
    assert len({trial.number for trial in sweep.trials}) == len(sweep.trials) == num_trials
    began = Counter(line.split()[0] for line in (desk.settings.home / "began.txt").read_text().splitlines())
    assert began == {trial.run_id: 1 for trial in sweep.trials}


def test_graph_conversions(tmp_path: Path, forks: ForkServer, moments: Iterator[float]) -> None:
    """A conversion that is killed leaves no graph or a whole one, and the next one makes the model ready."""
    desk = small_desk(tmp_path / "home", device="cpu")
    words, log = ["core.services.workers.graph_conversion", STARTER], desk.settings.home / "conversion.txt"
    graphs = desk.settings.caches / "graphs"

    def conversion() -> ProcessIdentity:
        return ProcessIdentity.of(forks.launch(words, log, variables_of(desk)))

    def whole() -> list[Path]:
        return [place for place in graphs.glob("*") if not place.name.startswith(".new-")]

    for moment in moments:
        killed(conversion(), moment)
        if whole():
            load_predictor(desk, STARTER)
            shutil.rmtree(graphs)
    last = conversion()
    wait_until(lambda: not last.is_alive(), log.read_text)
    assert len(whole()) == 1, log.read_text()
    load_predictor(desk, STARTER)


SERVERS = {
    "rest": (["uvicorn", "core.api:app", "--port"], "/v1"),
    "desk": (["streamlit.web.cli", "run", "Home.py", "--server.port"], "/api/v1"),
}


@pytest.mark.parametrize("kind", list(SERVERS))
def test_servers(desk: Desk, tmp_path: Path, forks: ForkServer, moments: Iterator[float], kind: str) -> None:
    """A batch whose server is killed while it is sent is there once after it was sent again, and ends complete."""
    words, prefix = SERVERS[kind]
    port = str(free_port())
    address, log = f"http://127.0.0.1:{port}{prefix}/batches", desk.settings.home / "server.txt"
    films = [("files", (f"{number}.png", encoded(synthesise_phantom(number, size=128)))) for number in range(3)]
    variables = {**variables_of(desk), "PNEUMODESK_READER_WAITS_MINUTES": "0"}

    def server() -> ProcessIdentity:
        process = ProcessIdentity.of(forks.launch([*words, port], log, variables))
        wait_until(lambda: answers(address), log.read_text)
        return process

    def send(key: str, seconds: float) -> str | None:
        try:
            answer = httpx.post(address, files=films, headers={"Idempotency-Key": key}, timeout=seconds)
        except httpx.HTTPError:
            return None
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return None
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    process, answered = server(), dict[str, str | None]()
    for number, moment in enumerate(moments):
        key = f"request-{number}"
        answered[key] = send(key, moment)
        killed(process)
        process = server()
    ids = dict[str, str | None]()

    def is_taken(key: str) -> bool:
        ids[key] = send(key, PATIENCE_SECONDS)
        return ids[key] is not None

    for key in answered:
        # Only so many batches may wait: the next is taken once one of them is read.
        wait_until(partial(is_taken, key))
    assert all(batch_id in (None, ids[key]) for key, batch_id in answered.items())
    with desk.reading() as session:
        assert session.scalar(select(func.count()).select_from(tables.Batch)) == len(ids)
    killed(process)
    reconcile(desk)
    for batch_id in ids.values():
        if get_batch(desk, batch_id).state == "lost":
            resume_batch(desk, batch_id)
    for batch_id in ids.values():
        wait_until(lambda batch_id=batch_id: get_batch(desk, batch_id).state == "completed")
        assert each_film_once(desk, batch_id) == len(films)


def answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
