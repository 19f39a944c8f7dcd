"""A frozen network: features of images that are computed only once, and a head that is fitted to them.

Shapes: N images, D features of an image.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from core.model.classifier import PneumoniaClassifier
from core.training.config import Precision, TrainingConfig
from core.training.films import FeatureSet, FilmSet
from core.training.loop import FitResult, Watchers, fit
from core.training.precision import autocast


@torch.no_grad()
def compute_features(
    model: PneumoniaClassifier,
    films: FilmSet,
    config: TrainingConfig,
    device: torch.device,
    on_films: Callable[[int], None] = lambda num_films: None,
) -> FeatureSet:
    """Return the embeddings of a fold's images, unvaried; `on_films` hears how many images are done."""
    model.eval()
    batches = []
    for start in range(0, len(films), config.batch_size):
        positions = np.arange(start, min(start + config.batch_size, len(films)))
        with autocast(device, config.precision):
            output = model.parts(films.inputs(positions, device))
        batches.append(output.embeddings_BD.float().cpu())
        on_films(int(positions[-1]) + 1)
    return FeatureSet(torch.cat(batches), films.labels_N)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread of the processor: threads that wait for one another take longer than a head's steps."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


def fit_head(
    model: PneumoniaClassifier,
    train: FeatureSet,
    validation: FeatureSet,
    config: TrainingConfig,
    device: torch.device,
    watchers: Watchers | None = None,
) -> FitResult[PneumoniaClassifier]:
    """Fit a network's head on features of its own and return the whole network with the chosen head."""
    # A head costs next to nothing, so it need not be computed in coarse numbers.
    exact = config.model_copy(update={"precision": Precision.FP32})
    with one_thread():
        fitted = fit(nn.Sequential(model.head, nn.Flatten(0)), train, validation, exact, device, watchers)
    model.head.load_state_dict(fitted.model[0].state_dict())
    return FitResult(model, fitted.best_epoch, fitted.epochs, fitted.stopped)
