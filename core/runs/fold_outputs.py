"""Fitting a network, and what it then says of the images of each fold.

Shapes: N images of a fold, B images of a batch, D embedding size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch

from core.model.classifier import PneumoniaClassifier
from core.progress import OnProgress, Progress
from core.runs.reporting import RunStopped
from core.training.config import FineTuning, TrainingConfig
from core.training.films import FeatureSet, FilmSet
from core.training.frozen import compute_features, fit_head
from core.training.loop import FitResult, Watchers, fit
from core.training.team import ALONE, Team
from core.triage.orientation import MOST_TURNED_FILMS

SMALL_BATCH = 16


@dataclass(frozen=True)
class Outputs:
    """What a network says of the images of one fold."""

    logits_N: np.ndarray
    embeddings_ND: np.ndarray


def fit_and_read(
    model: PneumoniaClassifier,
    folds: Mapping[str, FilmSet],
    config: TrainingConfig,
    device: torch.device,
    watchers: Watchers,
    on_progress: OnProgress,
    team: Team = ALONE,
) -> tuple[FitResult, dict[str, Outputs]]:
    """Fit on the fold `train`, evaluate epochs on `validation`, and return the network and its outputs on every fold.

    The features of a frozen network are computed once for each image, and both its head and its outputs rest on them.
    Of the processes that share a run only the first reads the folds. Raises RunStopped.
    """
    if config.fine_tuning is FineTuning.FROZEN:
        features, seconds = _features(model, folds, config, device, on_progress)
        fitted = fit_head(model, features["train"], features["validation"], config, device, watchers)
        fitted = replace(fitted, seconds_before=seconds["train"] + seconds["validation"])
        if fitted.stopped:
            raise RunStopped
        return fitted, {name: outputs_of_features(fitted.model, part, device) for name, part in features.items()}
    fitted = fit(model, folds["train"], folds["validation"], config, device, watchers, team)
    if fitted.stopped:
        raise RunStopped
    outputs: dict[str, Outputs] = {}
    if team.rank > 0:
        return fitted, outputs
    for place, name in enumerate(folds):

        def tell(place: int = place, name: str = name) -> None:
            on_progress(Progress("reading folds", place, len(folds), name))

        tell()
        outputs[name] = predict(fitted.model, folds[name], config, device, on_batch=tell)
    return fitted, outputs


@torch.inference_mode()
def predict(
    model: PneumoniaClassifier,
    films: FilmSet,
    config: TrainingConfig,
    device: torch.device,
    on_batch: Callable[[], None] = lambda: None,
) -> Outputs:
    """Return logits and embeddings of a fold in single precision, as triage computes them."""
    model.eval()
    logits, embeddings = [], []
    for start in range(0, len(films), config.batch_size):
        positions = np.arange(start, min(start + config.batch_size, len(films)))
        output = model.parts(films.inputs(positions, device))
        logits.append(output.logits_B.float().cpu().numpy())
        embeddings.append(output.embeddings_BD.float().cpu().numpy())
        on_batch()
    return Outputs(np.concatenate(logits), np.concatenate(embeddings))


def turned_embeddings(
    model: PneumoniaClassifier, films: FilmSet, config: TrainingConfig, device: torch.device
) -> np.ndarray:
    """Return `embeddings_ND` of some of a fold's images, half of them turned by 180 degrees, the rest by 90 and 270."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(films))[:MOST_TURNED_FILMS])
    pixels_NHW = films.pixels_NHW[films.rows_N[chosen]].copy()
    for place, quarters in enumerate((2, 1, 2, 3)):
        pixels_NHW[place::4] = np.rot90(pixels_NHW[place::4], quarters, axes=(1, 2))
    turned = FilmSet(pixels_NHW, np.arange(len(chosen)), films.labels_N[chosen])
    # In small batches, so that a run that trained nothing but a head takes no more memory for them.
    small = config.model_copy(update={"batch_size": min(SMALL_BATCH, config.batch_size)})
    return predict(model, turned, small, device).embeddings_ND


@torch.inference_mode()
def outputs_of_features(model: PneumoniaClassifier, features: FeatureSet, device: torch.device) -> Outputs:
    """Return what a network says of images whose features it was fitted to."""
    model.eval()
    logits_N = model.head(features.features_ND.to(device)).squeeze(1)
    return Outputs(logits_N.float().cpu().numpy(), features.features_ND.numpy())


def _features(
    model: PneumoniaClassifier,
    folds: Mapping[str, FilmSet],
    config: TrainingConfig,
    device: torch.device,
    on_progress: OnProgress,
) -> tuple[dict[str, FeatureSet], dict[str, float]]:
    """Return the features of each fold, and the seconds that they took."""
    model = model.to(device=device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - torch takes it
    num_films = sum(len(films) for films in folds.values())
    features: dict[str, FeatureSet] = {}
    seconds: dict[str, float] = {}
    for name, films in folds.items():
        began = perf_counter()
        num_before = sum(len(done) for done in features.values())

        def tell(done: int, num_before: int = num_before) -> None:
            on_progress(Progress("computing features", num_before + done, num_films))

        features[name] = compute_features(model, films, config, device, tell)
        seconds[name] = perf_counter() - began
    return features, seconds
