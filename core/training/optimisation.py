"""The optimiser and the course of the learning rate that a config asks for."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from core.training.config import OptimizerName, Schedule, TrainingConfig


def build_optimizer(model: nn.Module, config: TrainingConfig) -> Optimizer:
    """Return the optimiser; biases and normalisation weights are not decayed (He et al. 2019, bag of tricks)."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    match config.optimizer:
        case OptimizerName.ADAM:
            return torch.optim.Adam(groups, lr=config.learning_rate)
        case OptimizerName.ADAMW:
            return torch.optim.AdamW(groups, lr=config.learning_rate)
        case OptimizerName.SGD:
            return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9, nesterov=True)


def build_schedule(optimizer: Optimizer, config: TrainingConfig, num_steps: int) -> LRScheduler:
    """Return the schedule, stepped once a training step, for a run of `num_steps` steps."""
    if config.schedule is Schedule.ONE_CYCLE:
        rising = min(max(config.warmup_fraction, 1 / max(num_steps, 2)), 0.9)
        return OneCycleLR(optimizer, config.learning_rate, total_steps=num_steps + 1, pct_start=rising)
    if config.schedule is Schedule.CONSTANT:
        return LambdaLR(optimizer, lambda step: 1.0)
    return LambdaLR(optimizer, lambda step: cosine_factor(step, num_steps, config.warmup_fraction))


def cosine_factor(step: int, num_steps: int, warmup_fraction: float) -> float:
    """Return the share of the highest learning rate at a step: a linear rise, then half a cosine down to zero."""
    warmup = warmup_fraction * num_steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1.0, num_steps - warmup))))


def warm_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Return the update of a moving average whose decay rises as (1 + n) / (10 + n) up to `decay`.

    Without the rise a short run would keep much of the weights it began with (TensorFlow's
    ExponentialMovingAverage with `num_updates`).
    """

    @torch.no_grad()
    def update(averages: Sequence[Tensor], currents: Sequence[Tensor], num_updates: Tensor | int) -> None:
        """Move each average towards its current value, in place."""
        share = 1 - min(decay, (1 + int(num_updates)) / (10 + int(num_updates)))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, share)
            else:
                average.copy_(current)

    return update
