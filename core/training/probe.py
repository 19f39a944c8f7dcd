"""A short trial of a config on synthetic images: seconds a step, seconds an image that is only read, memory.

Run as a process of its own (`python -m core.training.probe`, config on standard input): the memory is the process's.
"""

import json
import sys
from dataclasses import asdict, dataclass
from time import perf_counter

import numpy as np
import torch

from core.errors import PneumoDeskError
from core.model.catalogue import WeightsSource
from core.model.classifier import PneumoniaClassifier
from core.model.pretrained import build_classifier
from core.training.allocation import keep_freed_memory
from core.training.config import FineTuning, TrainingConfig
from core.training.films import FilmSet
from core.training.loop import Watchers, begin, evaluate, train_one_epoch
from core.training.precision import resolve_device

FEW_FILMS = 4
NUM_STEPS = 2


@dataclass(frozen=True)
class Trial:
    """What was measured: times in seconds, memory in bytes.

    Memory is the most that was in use, with `few` images in a step and with `many`.
    """

    seconds_per_step: float
    seconds_per_judged_film: float
    few: int
    memory_with_few: int
    many: int
    memory_with_many: int
    num_parameters: int
    device: str


def try_out(config: TrainingConfig, many: int) -> Trial:
    """Take a few steps of a config with few and with `many` images, and scale the time to its batch size."""
    device = resolve_device(config.device)
    # As a run does: what it keeps is part of what it takes.
    keep_freed_memory()
    torch.manual_seed(0)
    model = build_classifier(config.architecture, dropout=config.dropout, source=WeightsSource.NONE)
    _step(model, config, FEW_FILMS, device)
    memory_with_few = _most_memory(device)
    seconds = _step(model, config, many, device)
    films = _drawn(many, config.image_size)
    began = perf_counter()
    evaluate(model, films, config, device)
    judging = perf_counter() - began
    return Trial(
        seconds_per_step=seconds * config.batch_size / many,
        seconds_per_judged_film=judging / many,
        few=FEW_FILMS,
        memory_with_few=memory_with_few,
        many=many,
        memory_with_many=_most_memory(device),
        num_parameters=sum(parameter.numel() for parameter in model.parameters()),
        device=device.type,
    )


def _step(model: PneumoniaClassifier, config: TrainingConfig, num_films: int, device: torch.device) -> float:
    """Return the seconds of the last of a few steps: the first has to warm up."""
    films = _drawn(num_films * NUM_STEPS, config.image_size)
    settings = config.model_copy(update={"batch_size": num_films, "epochs": 1, "head_epochs": 0})
    if config.fine_tuning is FineTuning.FROZEN:
        began = perf_counter()
        evaluate(model, films, settings, device)
        return (perf_counter() - began) / NUM_STEPS
    state = begin(model, films, settings, device)
    marks: list[float] = []
    watchers = Watchers(on_step=lambda progress: marks.append(perf_counter()))
    train_one_epoch(state, films, settings, device, 0, watchers)
    return marks[-1] - marks[-2]


def _drawn(num_films: int, size: int) -> FilmSet:
    pixels_NHW = np.random.default_rng(0).integers(0, 256, (num_films, size, size), dtype=np.uint8)
    return FilmSet(pixels_NHW, np.arange(num_films), (np.arange(num_films) % 2).astype(np.uint8))


def _most_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    import resource

    # Kibibytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Read a config and a number of images, print what was measured as one JSON document."""
    asked = json.load(sys.stdin)
    try:
        trial = try_out(TrainingConfig.model_validate(asked["config"]), asked["many"])
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    json.dump(asdict(trial), sys.stdout)


if __name__ == "__main__":
    main()
