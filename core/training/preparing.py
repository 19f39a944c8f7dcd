"""Batches made ready for the network: one by one, or ahead of it in threads, always the same batches."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from core.training.config import TrainingConfig
from core.training.films import Examples, in_batches, labels_at, training_order
from core.training.team import ALONE, Team


class Batch(NamedTuple):
    """What one process computes of a step, and the labels of the step's whole batch."""

    inputs: Tensor
    labels_B: Tensor
    whole_labels_B: Tensor


def prepared_batches(
    train: Examples,
    config: TrainingConfig,
    device: torch.device,
    epoch: int,
    first_step: int = 0,
    team: Team = ALONE,
) -> Iterator[Batch]:
    """Yield an epoch's steps from `first_step` on, of each the share of this process.

    Each step's variation has a generator of its own, so that a step is the same whether the steps before it were
    taken now or in an earlier process, and whichever thread prepares it.
    """
    order = training_order(train, config.balancing, Generator().manual_seed(config.seed * 1_000_003 + epoch))
    steps = enumerate(in_batches(order, config.batch_size, team.fewest))
    chosen = islice(steps, first_step, None)

    def prepare(step: int, positions_B: np.ndarray) -> Batch:
        """Return the varied batch of one step."""
        generator = Generator().manual_seed(step_seed(config.seed, epoch, step, team))
        mine_B, whole_labels_B = team.share(positions_B), labels_at(train, positions_B, device)
        inputs = train.varied_inputs(mine_B, device, config.recipe, generator)
        return Batch(inputs, labels_at(train, mine_B, device), whole_labels_B)

    if not config.workers:
        yield from (prepare(step, positions_B) for step, positions_B in chosen)
        return
    with ThreadPoolExecutor(config.workers, thread_name_prefix="films") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for step, positions_B in chosen:
                waiting.append(pool.submit(prepare, step, positions_B))
                # One more than there are threads, so that none of them waits for the network.
                if len(waiting) > config.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def step_seed(seed: int, epoch: int, step: int, team: Team = ALONE) -> int:
    """Return the seed of what is drawn in one step: of a team each process draws for itself."""
    entropy = (seed, epoch, step) if team.is_alone else (seed, epoch, step, team.rank)
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
