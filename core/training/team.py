"""One run over several devices: a process for each takes its share of every batch, and all keep the same weights.

Processes are begun by torchrun, gradients averaged by DistributedDataParallel. A batch's loss and its batch norms are
those of the whole batch, so that the number of devices does not change what is learnt from images as they are; how
images are varied and what is dropped is redrawn for each device.

Shapes: B images of a batch, C channels.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.errors import SettingsError
from core.language import tr

# The first process indexes and decodes the dataset while the others wait for it.
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True)
class Team:
    """The processes that carry out one run together; `rank` counts from 0, which alone writes and tells."""

    rank: int = 0
    size: int = 1

    @property
    def is_alone(self) -> bool:
        """Whether one process carries out the run."""
        return self.size == 1

    @property
    def fewest(self) -> int:
        """The fewest images that a batch may have: one for each process, and never a single one."""
        return max(2, self.size)

    def share(self, positions_B: np.ndarray) -> np.ndarray:
        """Return this process's share of a batch; shares differ by one image at most."""
        return np.array_split(positions_B, self.size)[self.rank]

    def means(self, numbers: list[float], device: torch.device) -> list[float]:
        """Return the mean of each number over all processes."""
        if self.is_alone:
            return numbers
        told = torch.tensor(numbers, dtype=torch.float64, device=device)
        dist.all_reduce(told)
        return (told / self.size).tolist()

    def gather(self, mine: Any) -> list[Any]:
        """Return what every process has, by rank."""
        if self.is_alone:
            return [mine]
        parts: list[Any] = [None] * self.size
        dist.all_gather_object(parts, mine)
        return parts

    def wait(self) -> None:
        """Wait until every process has come here."""
        if not self.is_alone:
            dist.barrier()


ALONE = Team()


def team_asked_for() -> Team:
    """Return the team that torchrun began this process for; alone where it was begun by something else."""
    return Team(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


def join(team: Team, device: torch.device) -> None:
    """Have the processes of a team hear one another until they end."""
    if team.is_alone:
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)


def device_of_rank(place: str, team: Team) -> str:
    """Return the device of one process where a run got a place such as `cuda:0,2`; raises SettingsError."""
    kind, _, indices = place.partition(":")
    if not indices:
        return place
    names = indices.split(",")
    if len(names) < team.size:
        raise SettingsError(
            tr(
                "The run asks for {size} devices, and this machine has {num_names} of the kind {kind}. Clone it with "
                "fewer devices.",
                size=team.size,
                num_names=len(names),
                kind=kind,
            )
        )
    return f"{kind}:{names[team.rank]}"


def shared(model: nn.Module, team: Team, device: torch.device, *, parts_are_held: bool) -> Callable[[Tensor], Tensor]:
    """Return what runs a network forward so that its gradients are those of the whole batch on every process.

    The network's own batch norms are changed to look at the whole batch. `parts_are_held`: some weights do not learn in
    some epochs.
    """
    if team.is_alone:
        return model
    synchronise_batch_norms(model)
    devices = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(
        model, device_ids=devices, forward_sync_buffers=False, find_unused_parameters=parts_are_held
    )


def synchronise_batch_norms(model: nn.Module) -> None:
    """Have every batch norm of a network take its statistics from the images of all processes while it trains."""
    for module in model.modules():
        if type(module) in SYNCHRONISED:
            module.__class__ = SYNCHRONISED[type(module)]


class Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; whatever one process makes of it concerns what all of them gave."""

    @staticmethod
    def forward(context: Any, mine: Tensor) -> Tensor:
        """Return the sum."""
        total = mine.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Return the sum of every process's gradient."""
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class _Synchronised:
    """A batch norm over all processes: torch's own exists for GPUs only."""

    def normalise(self: Any, inputs: Tensor) -> Tensor:
        """Return inputs normalised by mean and variance over every process's images, and move the running ones."""
        axes = [0, *range(2, inputs.ndim)]
        shape = [1, -1, *[1] * (inputs.ndim - 2)]
        values = inputs.float()
        count = values.new_tensor([values.numel() / values.shape[1]])
        sums = Sum.apply(torch.cat([values.sum(axes), count]))
        num = sums[-1].detach()
        mean_C = sums[:-1] / num
        # Of the distances to the mean, because the difference of two large sums would be coarse.
        centred = values - mean_C.view(shape)
        variance_C = Sum.apply(centred.square().sum(axes)) / num
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean_C.detach(), self.momentum)
            self.running_var.lerp_(variance_C.detach() * num / (num - 1), self.momentum)
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        return (centred * scale_C.view(shape) + self.bias.view(shape)).to(inputs.dtype)


class SynchronisedBatchNorm(_Synchronised, nn.BatchNorm2d):
    """torch's batch norm over all processes."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise; while it does not train, as a single process does."""
        return self.normalise(inputs) if self.training else super().forward(inputs)


class SynchronisedBatchNormAct(_Synchronised, BatchNormAct2d):
    """timm's batch norm with its activation over all processes."""

    drop: nn.Module
    act: nn.Module

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise and activate; while it does not train, as a single process does."""
        if not self.training:
            return super().forward(inputs)
        return self.act(self.drop(self.normalise(inputs)))


SYNCHRONISED = {nn.BatchNorm2d: SynchronisedBatchNorm, BatchNormAct2d: SynchronisedBatchNormAct}
