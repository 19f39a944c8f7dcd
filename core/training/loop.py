"""The training loop, top to bottom: one epoch, one evaluation, the whole fit.

Shapes: N images of a fold, B images of a batch, H and W pixels.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from core.errors import LossNotFiniteError
from core.evaluation.ranking import roc_auc
from core.language import tr
from core.training.config import Balancing, FineTuning, Precision, Selection, TrainingConfig
from core.training.films import Examples, num_steps
from core.training.held_weights import learn_only_what_may
from core.training.optimisation import build_optimizer, build_schedule, warm_average
from core.training.precision import autocast, check_precision
from core.training.preparing import Batch, prepared_batches, step_seed
from core.training.team import ALONE, Team, shared


@dataclass(frozen=True)
class EpochResult:
    """What one epoch gave; losses are mean cross-entropies in nats, times in seconds."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_auc: float | None
    validation_accuracy: float
    learning_rate: float
    seconds: float
    films_per_second: float

    def numbers(self) -> dict[str, float | None]:
        """Return every measured number by its name."""
        return {name: value for name, value in vars(self).items() if name != "epoch"}


@dataclass(frozen=True)
class StepResult:
    """How far a run is: steps done of steps in all, the loss of the last step and the learning rate after it."""

    epoch: int
    step: int
    num_steps: int
    loss: float
    learning_rate: float
    # Whether any of the processes that share the run was asked to stop; all of them hear it in the same step.
    stop_is_asked: bool = False


@dataclass(frozen=True)
class Watchers:
    """Receives a run's progress, and who may end it early."""

    # Is given the state before the first step, and may bring it to where an earlier process got.
    on_begin: Callable[["TrainingState"], None] = lambda state: None
    on_step: Callable[[StepResult], None] = lambda result: None
    # Is called after each batch of images on which the epoch's weights are evaluated.
    on_judged_batch: Callable[[], None] = lambda: None
    on_epoch: Callable[[EpochResult], None] = lambda result: None
    should_stop: Callable[[], bool] = lambda: False


Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class FitResult(Generic[Network]):
    """The chosen weights, which epoch they are of, and every epoch's numbers."""

    model: Network
    best_epoch: int
    epochs: tuple[EpochResult, ...]
    stopped: bool
    # Of a frozen network, what its features of training and validation images took before the first epoch.
    seconds_before: float = 0.0

    @property
    def seconds(self) -> float:
        """What training took, without reading the folds at its end."""
        return self.seconds_before + sum(result.seconds for result in self.epochs)


@dataclass
class TrainingState:
    """All that moves while a run trains; `epoch` is under way or next, and `step` steps of it are done."""

    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    average: AveragedModel | None
    class_weights_2: Tensor | None
    scaler: GradScaler
    best: nn.Module
    # Runs the network forward, for all the processes that share the run.
    forward: Callable[[Tensor], Tensor]
    best_epoch: int = 0
    best_score: float = -np.inf
    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    epochs: list[EpochResult] = field(default_factory=list)
    # What earlier processes spent on the epoch under way, and when this process began to work on it.
    seconds_before: float = 0.0
    began: float = field(default_factory=perf_counter)

    @property
    def seconds_in_epoch(self) -> float:
        """What the epoch under way has taken so far, in all processes that worked on it."""
        return self.seconds_before + perf_counter() - self.began

    @property
    def judged(self) -> nn.Module:
        """The network that is evaluated and kept: the moving average where there is one."""
        return self.average.module if self.average is not None else self.model


def fit(
    model: Network,
    train: Examples,
    validation: Examples,
    config: TrainingConfig,
    device: torch.device,
    watchers: Watchers | None = None,
    team: Team = ALONE,
) -> FitResult[Network]:
    """Train a network and return the weights of the epoch that `config.selection` names.

    Every process of a team calls it alike, and each gets the same result.
    """
    watchers = watchers or Watchers()
    torch.manual_seed(config.seed)
    state = begin(model, train, config, device, team)
    watchers.on_begin(state)
    stopped = False
    for epoch in range(state.epoch, config.epochs):
        if stopped or _patience_is_over(state.epochs, config.early_stopping_patience):
            break
        state.began = perf_counter()
        train_loss = train_one_epoch(state, train, config, device, epoch, watchers, team)
        logits_N = evaluate(state.judged, validation, config, device, watchers.on_judged_batch, team)
        result = _epoch_result(epoch, train_loss, logits_N, validation, state, len(train))
        state.epochs.append(result)
        score = _score(result, config.selection)
        if score > state.best_score:
            state.best_epoch, state.best_score, state.best = epoch, score, deepcopy(state.judged)
        state.epoch, state.step, state.losses = epoch + 1, 0, []
        state.seconds_before, state.began = 0.0, perf_counter()
        watchers.on_epoch(result)
        stopped = any(team.gather(watchers.should_stop()))
    return FitResult(cast("Network", state.best), state.best_epoch, tuple(state.epochs), stopped)


def begin(
    model: nn.Module, train: Examples, config: TrainingConfig, device: torch.device, team: Team = ALONE
) -> TrainingState:
    """Return the state of a run before its first step; raises SettingsError for fp16 on anything but a GPU."""
    check_precision(device, config.precision)
    model = model.to(device=device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - torch takes it
    steps = config.epochs * num_steps(len(train), config.batch_size, team.fewest)
    optimizer = build_optimizer(model, config)
    average = None
    if config.ema_decay:
        average = AveragedModel(model, multi_avg_fn=warm_average(config.ema_decay), use_buffers=True)
    weights = None
    if config.balancing is Balancing.CLASS_WEIGHTS:
        counts = np.bincount(train.labels_N.astype(int), minlength=2)
        weights = torch.tensor(len(train) / (2 * np.maximum(counts, 1)), dtype=torch.float32, device=device)
    # Of use to fp16 alone, whose small gradients would round to nothing; otherwise it passes them on unchanged.
    scaler = GradScaler(device.type, enabled=config.precision is Precision.FP16)
    judged = average.module if average is not None else model
    best = deepcopy(judged)
    forward = shared(model, team, device, parts_are_held=config.fine_tuning is FineTuning.HEAD_FIRST)
    schedule = build_schedule(optimizer, config, steps)
    return TrainingState(model, optimizer, schedule, average, weights, scaler, best, forward)


def train_one_epoch(
    state: TrainingState,
    train: Examples,
    config: TrainingConfig,
    device: torch.device,
    epoch: int,
    watchers: Watchers,
    team: Team = ALONE,
) -> float:
    """Take what is left of one pass over the images and return the pass's mean loss; raises LossNotFiniteError."""
    learn_only_what_may(state.model, config, epoch)
    steps = num_steps(len(train), config.batch_size, team.fewest)
    batches = prepared_batches(train, config, device, epoch, first_step=state.step, team=team)
    for step, batch in enumerate(batches, state.step):
        if not team.is_alone:
            # What is dropped depends on the step alone: only the first process keeps a generator's state.
            torch.manual_seed(step_seed(config.seed, epoch, step, team))
        with autocast(device, config.precision):
            logits_B = state.forward(batch.inputs)
        loss = smoothed_loss(logits_B.float(), batch.labels_B, config.label_smoothing, state.class_weights_2)
        loss = loss * share_of_loss(batch, state.class_weights_2, team)
        told = team.means([loss.item(), float(watchers.should_stop())], device)
        state.losses.append(told[0])
        if not np.isfinite(state.losses[-1]):
            raise LossNotFiniteError(
                tr(
                    "The loss is no longer finite in epoch {epoch}, step {step}. Start again with a smaller learning "
                    "rate than {learning_rate}.",
                    epoch=epoch + 1,
                    step=step + 1,
                    learning_rate=config.learning_rate,
                )
            )
        state.optimizer.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.schedule.step()
        if state.average is not None:
            state.average.update_parameters(state.model)
        learning_rate = float(state.schedule.get_last_lr()[0])
        state.step = step + 1
        num_done, num_all = epoch * steps + state.step, config.epochs * steps
        watchers.on_step(StepResult(epoch, num_done, num_all, state.losses[-1], learning_rate, told[1] > 0))
    return float(np.mean(state.losses))


def smoothed_loss(
    logits_B: Tensor, labels_B: Tensor, smoothing: float = 0.0, class_weights_2: Tensor | None = None
) -> Tensor:
    """Return the mean binary cross-entropy against labels moved to smoothing/2 and 1 - smoothing/2.

    Class weights enter as PyTorch's cross-entropy has them: a weighted mean.
    """
    targets = labels_B * (1 - smoothing) + smoothing / 2
    losses = F.binary_cross_entropy_with_logits(logits_B, targets, reduction="none")
    if class_weights_2 is None:
        return losses.mean()
    weights = class_weights_2[labels_B.long()]
    return (losses * weights).sum() / weights.sum()


def share_of_loss(batch: Batch, class_weights_2: Tensor | None, team: Team) -> float:
    """Return by what the mean loss of a share counts, so that the mean over all processes is the batch's mean loss."""
    if team.is_alone:
        return 1.0
    if class_weights_2 is None:
        return len(batch.labels_B) * team.size / len(batch.whole_labels_B)
    mine, whole = (class_weights_2[labels_B.long()].sum() for labels_B in (batch.labels_B, batch.whole_labels_B))
    return float(mine / whole) * team.size


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    films: Examples,
    config: TrainingConfig,
    device: torch.device,
    on_batch: Callable[[], None] = lambda: None,
    team: Team = ALONE,
) -> np.ndarray:
    """Return `logits_N` for every image of a fold, in its order, without variation."""
    model.eval()
    mine: dict[int, np.ndarray] = {}
    starts = range(0, len(films), config.batch_size)
    for start in starts[team.rank :: team.size]:
        positions = np.arange(start, min(start + config.batch_size, len(films)))
        with autocast(device, config.precision):
            logits_B = model(films.inputs(positions, device))
        mine[start] = logits_B.float().cpu().numpy()
        on_batch()
    parts = {start: part for theirs in team.gather(mine) for start, part in theirs.items()}
    return np.concatenate([parts[start] for start in starts])


def _epoch_result(
    epoch: int,
    train_loss: float,
    logits_N: np.ndarray,
    validation: Examples,
    state: TrainingState,
    num_films: int,
) -> EpochResult:
    seconds = state.seconds_in_epoch
    labels_N = validation.labels_N.astype(float)
    return EpochResult(
        epoch=epoch,
        train_loss=train_loss,
        validation_loss=float(np.mean(np.logaddexp(0, logits_N) - labels_N * logits_N)),
        validation_auc=roc_auc(validation.labels_N, logits_N),
        validation_accuracy=float(np.mean((logits_N >= 0) == (labels_N > 0.5))),
        learning_rate=float(state.schedule.get_last_lr()[0]),
        seconds=seconds,
        films_per_second=num_films / seconds,
    )


def _score(result: EpochResult, selection: Selection) -> float:
    if selection is Selection.LAST:
        return result.epoch
    if selection is Selection.HIGHEST_AUC and result.validation_auc is not None:
        return result.validation_auc
    return -result.validation_loss


def _patience_is_over(epochs: list[EpochResult], patience: int) -> bool:
    if not patience or not epochs:
        return False
    best = int(np.argmin([result.validation_loss for result in epochs]))
    return len(epochs) - 1 - best >= patience
