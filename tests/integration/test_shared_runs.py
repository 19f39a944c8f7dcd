"""One run over two processes: what they learn is what one learns, and they start and stop as one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from core.radiograph.phantom import synthesise_phantom
from core.runs.process_identity import ProcessIdentity
from core.runs.run_states import newest_state
from core.runs.session import STATES
from core.services.desk import Desk
from core.services.runs.control import enqueue, kill, stop
from core.services.runs.requests import TrainRequest, record_run
from core.services.runs.status import RunStatus, get_detail, get_status, list_watched, read_log, read_steps
from core.services.runs.supervision import log_of, variables_of
from core.training.config import Balancing, OptimizerName, Precision, Recipe, TrainingConfig
from db import models as tables
from tests.app.served_process import free_port
from tests.fork_server import ForkServer
from tests.hostile_files import encoded
from tests.patience import PATIENCE_SECONDS
from tests.small_desk import small_desk
from tests.team_member import fitted
from tests.trivial_runs import executor_of

TINY = TrainingConfig(
    weights="none", recipe="none", epochs=3, batch_size=8, image_size=32, precision="fp32", dropout=0.0, ema_decay=0.9
)
WHOLE = TrainingConfig(
    architecture="mobilenet_v2",
    weights="none",
    recipe="none",
    optimizer="sgd",
    learning_rate=1e-4,
    epochs=1,
    batch_size=32,
    image_size=64,
    precision="fp32",
    dropout=0.0,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty synthetic images of as many patients."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(80):
        path = folder / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(synthesise_phantom(number, size=128, opacity=bool(number % 2))))
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on which nothing continues when the test has ended, however it ended."""
    desk = small_desk(tmp_path)
    yield desk
    for run in list_watched(desk):
        if run.is_live:
            kill(desk, run.id)


def wait_for(holds, what) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def end_of(desk: Desk, run_id: str) -> RunStatus:
    wait_for(lambda: not get_status(desk, run_id).is_live, lambda: read_log(desk, run_id))
    return get_status(desk, run_id)


@pytest.mark.parametrize(
    "choices",
    [
        {"balancing": Balancing.CLASS_WEIGHTS, "optimizer": OptimizerName.ADAMW},
        {"precision": Precision.BF16, "optimizer": OptimizerName.SGD, "learning_rate": 1e-2},
    ],
)
def test_two_processes_learn_what_one_learns(tmp_path: Path, forks: ForkServer, choices: dict[str, object]) -> None:
    """By gloo and batch norms over both, losses, judgements and weights are those of one process, but for rounding."""
    config = TINY.model_copy(update=choices)
    for variables in ranks(free_port()):
        words = ["tests.team_member", config.model_dump_json(), str(tmp_path)]
        forks.launch(words, tmp_path / f"log{variables['RANK']}.txt", variables)
    wait_for((tmp_path / "result.pt").exists, lambda: [path.read_text() for path in tmp_path.glob("log*")])
    together, alone = torch.load(tmp_path / "result.pt", weights_only=True), fitted(config)
    rough = {"rel": 2e-2, "abs": 2e-2} if config.precision is Precision.BF16 else {"rel": 1e-4, "abs": 1e-5}
    for mine, theirs in zip(alone.epochs, together["epochs"], strict=True):
        for name in ("train_loss", "validation_loss", "validation_auc", "learning_rate"):
            assert theirs[name] == pytest.approx(mine.numbers()[name], **rough), name
    for name, tensor in alone.model.state_dict().items():
        assert together["weights"][name].numpy() == pytest.approx(tensor.numpy(), **rough), name


def ranks(port: int) -> list[dict[str, str]]:
    """The variables by which torchrun tells each of two processes who they are."""
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), **common} for rank in range(2)]


def shared_run(
    desk: Desk, folder: Path, forks: ForkServer, config: TrainingConfig
) -> tuple[str, list[ProcessIdentity]]:
    """Begin a run with two workers, as torchrun begins them."""
    run_id = record_run(desk, TrainRequest(data=folder, config=config.model_copy(update={"devices": 2})))
    words, log = ["core.services.workers.run", run_id], log_of(desk, run_id)
    pids = [forks.launch(words, log, {**variables_of(desk), **variables}) for variables in ranks(free_port())]
    return run_id, [ProcessIdentity.of(pid) for pid in pids]


def test_a_run_over_two_devices_is_begun_by_torchrun(desk: Desk) -> None:
    """The executor begins a process for each device, of which the first claims the run and ends it."""
    run_id = record_run(desk, TrainRequest(data=desk.settings.home, config=TrainingConfig(epochs=1, devices=2)))
    agent = executor_of(desk).start(run_id, "cpu", 2)
    assert agent.is_alive()
    assert end_of(desk, run_id).state == "completed", (desk.settings.home / "log.txt").read_text()
    wait_for(lambda: not agent.is_alive(), lambda: (desk.settings.home / "log.txt").read_text())
    with desk.reading() as session:
        assert session.get_one(tables.Run, run_id).pid != agent.pid


def test_a_whole_run_over_two_processes_is_that_of_one(desk: Desk, folder: Path, forks: ForkServer) -> None:
    """Images, folds, steps, checkpoint: the losses and weights are those of a run of one process, but for rounding."""
    single = enqueue(desk, TrainRequest(data=folder, config=WHOLE))[0]
    assert end_of(desk, single).state == "completed", read_log(desk, single)
    shared, _ = shared_run(desk, folder, forks, WHOLE)
    assert end_of(desk, shared).state == "completed", read_log(desk, shared)
    ones, twos = read_steps(desk, single), read_steps(desk, shared)
    assert twos.steps == ones.steps and twos.losses == pytest.approx(ones.losses, rel=5e-3)
    folders = [get_detail(desk, run_id).folder / "checkpoint" for run_id in (single, shared)]
    mine, theirs = (load_file(folder / "weights.safetensors") for folder in folders)
    # Rounding grows through fifty layers that saw so few images; a tiny network is held far closer above.
    for name, array in mine.items():
        assert theirs[name] == pytest.approx(array, rel=2e-2, abs=5e-3), name


def test_a_stop_reaches_both_processes_in_the_same_step(desk: Desk, folder: Path, forks: ForkServer) -> None:
    """Asked to stop, both end by themselves, and what they were at is kept."""
    endless = WHOLE.model_copy(update={"epochs": 1000, "recipe": Recipe.ORIGINAL})
    run_id, workers = shared_run(desk, folder, forks, endless)
    wait_for(lambda: read_steps(desk, run_id).last_step > 3, lambda: read_log(desk, run_id))
    stop(desk, run_id)
    ended = end_of(desk, run_id)
    assert ended.state == "stopped", read_log(desk, run_id)
    wait_for(lambda: not any(worker.is_alive() for worker in workers), lambda: read_log(desk, run_id))
    assert newest_state(get_detail(desk, run_id).folder / STATES)["step"] in (0, 1, 2)
    assert "Traceback" not in read_log(desk, run_id)
