"""A run that is interrupted anywhere continues to exactly the weights it would have had."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import CheckpointError
from core.model.catalogue import Architecture, WeightsSource
from core.runs.reporting import RunStopped
from core.runs.run_states import LAST, PREVIOUS, StateKeeper, newest_state, write_state
from core.training import loop
from core.training.config import Recipe, Schedule, TrainingConfig
from core.training.films import FilmSet
from core.training.loop import FitResult, StepResult, Watchers, fit
from tests.tiny_network import tiny_network

CONFIG = TrainingConfig(
    architecture=Architecture.MOBILENET_V2,
    weights=WeightsSource.NONE,
    recipe=Recipe.STRONG,
    epochs=3,
    batch_size=8,
    image_size=32,
    precision="fp32",
    dropout=0.3,
    ema_decay=0.9,
)


def films(count: int, seed: int) -> FilmSet:
    draw = np.random.default_rng(seed)
    labels_N = (np.arange(count) % 2).astype(np.uint8)
    return FilmSet(draw.integers(0, 255, (count, 32, 32)).astype(np.uint8), np.arange(count), labels_N)


def train(
    config: TrainingConfig,
    folder: Path,
    stop_after: int | None = None,
    stop_judging_at: int | None = None,
    pass_time: Callable[[], None] = lambda: None,
) -> FitResult:
    """Train with states in a folder; asked to stop after so many steps of this process, or of batches evaluated."""
    taken: list[StepResult] = []
    judged: list[None] = []
    keeper = StateKeeper(folder, 1e9, lambda: len(judged) == stop_judging_at)
    torch.manual_seed(config.seed)

    def on_step(result: StepResult) -> None:
        taken.append(result)
        pass_time()
        keeper.after_step(len(taken) == stop_after)

    def on_judged_batch() -> None:
        judged.append(None)
        keeper.after_judged_batch()

    watchers = Watchers(
        on_begin=keeper.begin,
        on_step=on_step,
        on_judged_batch=on_judged_batch,
        on_epoch=lambda result: keeper.keep(),
        should_stop=lambda: len(judged) == stop_judging_at,
    )
    return fit(tiny_network(config.dropout), films(24, 0), films(12, 1), config, torch.device("cpu"), watchers)


@pytest.mark.parametrize("stops", [(1,), (3,), (2, 2, 1)])
def test_the_time_of_a_resumed_run_is_that_of_all_its_sessions(
    tmp_path: Path, stops: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three epochs of three steps of ten seconds each take 90 seconds, 30 an epoch, wherever they are interrupted."""
    now = [0.0]
    monkeypatch.setattr(loop, "perf_counter", lambda: now[0])

    def pass_ten_seconds() -> None:
        now[0] += 10.0

    def session(stop_after: int | None = None) -> FitResult:
        now[0] += 1000.0
        return train(CONFIG, tmp_path, stop_after, pass_time=pass_ten_seconds)

    for steps in stops:
        with pytest.raises(RunStopped):
            session(steps)
    ended = session()
    assert [result.seconds for result in ended.epochs] == [30.0, 30.0, 30.0]
    assert ended.seconds == 90.0
    assert ended.epochs[0].films_per_second == 24 / 30


@pytest.mark.parametrize(
    ("stops", "schedule"), [((1,), Schedule.COSINE), ((3,), Schedule.ONE_CYCLE), ((2, 2, 1), Schedule.COSINE)]
)
def test_a_resumed_run_ends_in_the_same_weights(tmp_path: Path, stops: tuple[int, ...], schedule: Schedule) -> None:
    """Stopped in the middle of an epoch, at its end, or several times: weights, losses and best epoch are the same."""
    config = CONFIG.model_copy(update={"schedule": schedule})
    whole = train(config, tmp_path / "whole")
    for steps in stops:
        with pytest.raises(RunStopped):
            train(config, tmp_path / "parts", stop_after=steps)
    parts = train(config, tmp_path / "parts")
    assert [result.train_loss for result in parts.epochs] == [result.train_loss for result in whole.epochs]
    assert parts.best_epoch == whole.best_epoch
    for mine, theirs in zip(parts.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_run_stopped_while_its_weights_are_judged_ends_in_the_same_weights(tmp_path: Path, batch: int) -> None:
    """A stop between two evaluated batches, or at the epoch's end, does not wait for the next step and loses
    nothing.
    """
    whole = train(CONFIG, tmp_path / "whole")
    with pytest.raises(RunStopped):
        train(CONFIG, tmp_path / "parts", stop_judging_at=batch)
    parts = train(CONFIG, tmp_path / "parts")
    assert [result.train_loss for result in parts.epochs] == [result.train_loss for result in whole.epochs]
    assert [result.validation_loss for result in parts.epochs] == [result.validation_loss for result in whole.epochs]
    for mine, theirs in zip(parts.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_damaged_last_state_gives_way_to_the_one_before(tmp_path: Path) -> None:
    """With one byte of the last state changed the run continues from the previous one, and ends the same."""
    whole = train(CONFIG, tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(RunStopped):
            train(CONFIG, tmp_path / "parts", stop_after=2)
    content = bytearray((tmp_path / "parts" / LAST).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "parts" / LAST).write_bytes(content)
    parts = train(CONFIG, tmp_path / "parts")
    for mine, theirs in zip(parts.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_states_that_are_all_damaged_are_refused_in_a_sentence(tmp_path: Path) -> None:
    """A run never starts again by itself when its checkpoints cannot be trusted."""
    for _ in range(2):
        write_state({"step": 1}, tmp_path)
    for name in (LAST, PREVIOUS):
        (tmp_path / name).write_bytes(b"cut short")
    with pytest.raises(CheckpointError, match="Clean the run's checkpoints"):
        newest_state(tmp_path)


def test_a_full_disk_leaves_the_states_there_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that cannot be written to its end leaves the last one whole, and nothing beside it."""
    write_state({"step": 1}, tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.run_states.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_state({"step": 2}, tmp_path)
    assert newest_state(tmp_path) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == [LAST]
