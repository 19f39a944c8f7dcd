"""One run over two processes: what they learn is what one learns, and they start and stop as one."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from core.radiograph.phantom import synthesise_phantom
from core.runs.run_states import newest_state
from core.runs.session import STATES
from core.runs.stopping import SECONDS_BEYOND_STEP
from core.services.desk import Desk
from core.services.run_control import enqueue, kill, stop
from core.services.run_watch import RunStatus, get_detail, get_status, list_watched, read_log, read_steps
from core.services.training import TrainRequest
from core.training.config import Balancing, OptimizerName, Precision, Recipe, TrainingConfig
from tests.fork_server import ForkServer
from tests.hostile_files import encoded
from tests.small_desk import small_desk
from tests.team_member import fitted

PATIENCE_SECONDS = 120
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
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """What begins the module's processes, all of them real."""
    server = ForkServer(tmp_path_factory.mktemp("forks"))
    with pytest.MonkeyPatch.context() as patch:
        server.stand_in(patch)
        yield server
    server.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty drawn films of as many patients."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(80):
        path = folder / ("PNEUMONIA" if number % 2 else "NORMAL") / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(synthesise_phantom(number, size=128, opacity=bool(number % 2))))
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on which nothing goes on when the test has ended, however it ended."""
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for rank in range(2):
        variables = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        words = ["tests.team_member", config.model_dump_json(), str(tmp_path)]
        forks.launch(words, tmp_path / f"log{rank}.txt", {name: str(value) for name, value in variables.items()})
    wait_for((tmp_path / "result.pt").exists, lambda: [path.read_text() for path in tmp_path.glob("log*")])
    together, alone = torch.load(tmp_path / "result.pt"), fitted(config)
    rough = {"rel": 2e-2, "abs": 2e-2} if config.precision is Precision.BF16 else {"rel": 1e-4, "abs": 1e-5}
    for mine, theirs in zip(alone.epochs, together["epochs"], strict=True):
        for name in ("train_loss", "validation_loss", "validation_auc", "learning_rate"):
            assert theirs[name] == pytest.approx(mine.numbers()[name], **rough), name
    for name, tensor in alone.model.state_dict().items():
        assert together["weights"][name].numpy() == pytest.approx(tensor.numpy(), **rough), name


def test_a_run_over_two_processes_is_queued_told_and_stopped_as_any_other(
    desk: Desk, folder: Path, forks: ForkServer
) -> None:
    """Begun by torchrun it completes with the weights that one process gives; a long one stops within its bound."""
    runs = [
        enqueue(desk, TrainRequest(data=folder, config=WHOLE.model_copy(update={"devices": devices})))[0]
        for devices in (1, 2)
    ]
    endless = WHOLE.model_copy(update={"devices": 2, "epochs": 1000, "recipe": Recipe.ORIGINAL})
    long_run = enqueue(desk, TrainRequest(data=folder, config=endless))[0]
    assert [end_of(desk, run_id).state for run_id in runs] == ["completed"] * 2, read_log(desk, runs[1])
    single, shared = (read_steps(desk, run_id) for run_id in runs)
    assert shared.steps == single.steps and shared.losses == pytest.approx(single.losses, rel=5e-3)
    mine, theirs = (
        load_file(get_detail(desk, run_id).folder / "checkpoint" / "weights.safetensors") for run_id in runs
    )
    # Rounding grows through fifty layers that saw so few films; a tiny network is held far closer above.
    for name, array in mine.items():
        assert theirs[name] == pytest.approx(array, rel=2e-2, abs=5e-3), name
    wait_for(lambda: read_steps(desk, long_run).last_step > 3, lambda: read_log(desk, long_run))
    stop(desk, long_run)
    asked = time.monotonic()
    ended = end_of(desk, long_run)
    assert ended.state == "stopped", read_log(desk, long_run)
    assert time.monotonic() - asked < (ended.seconds_per_step or 0) + SECONDS_BEYOND_STEP
    assert newest_state(get_detail(desk, long_run).folder / STATES) is not None
