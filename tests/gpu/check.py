"""Checks training and reading on one device and prints a table: `PYTHONPATH=. python3 tests/gpu/check.py --json FILE`.

Needs torch, torchvision, timm, numpy, Pillow, safetensors, scikit-learn and pydantic, and draws its own images.
"""

import argparse
import io
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from core.model.catalogue import Architecture
from core.model.classifier import PneumoniaClassifier
from core.radiograph.phantom import synthesise_phantom
from core.training.config import Precision, Recipe, Selection, TrainingConfig
from core.training.films import FilmSet
from core.training.loop import TrainingState, Watchers, begin, fit, smoothed_loss, train_one_epoch
from core.training.precision import autocast, computes_bf16

Figures = dict[str, float | str | bool | None]


def drawn_films(num_films: int, size: int) -> FilmSet:
    """Return synthetic radiographs, every second one with an opacity and labelled so."""
    with ThreadPoolExecutor() as pool:
        films = list(pool.map(lambda seed: synthesise_phantom(seed, size, seed % 2 == 1), range(num_films)))
    return FilmSet(np.stack(films), np.arange(num_films), (np.arange(num_films) % 2).astype(np.uint8))


def new_model() -> PneumoniaClassifier:
    """Return the same untrained ResNet18 on every call."""
    torch.manual_seed(0)
    return PneumoniaClassifier(Architecture.RESNET18, dropout=0.2)


def config_for(films: FilmSet, batch: int, precision: Precision, recipe: Recipe = Recipe.ORIGINAL) -> TrainingConfig:
    """Return a run of two epochs over the images."""
    return TrainingConfig(
        architecture=Architecture.RESNET18,
        image_size=films.pixels_NHW.shape[1],
        batch_size=batch,
        epochs=2,
        precision=precision,
        recipe=recipe,
        workers=min(8, os.cpu_count() or 1),
        learning_rate=1e-4,
        selection=Selection.LAST,
    )


def wait(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def per_second(work: Callable[[], object], num_films: int, device: torch.device) -> float:
    """Return images per second, the faster of two passes after a first that warms up."""
    work()
    seconds = []
    for _ in range(2):
        wait(device)
        began = time.perf_counter()
        work()
        wait(device)
        seconds.append(time.perf_counter() - began)
    return num_films / min(seconds)


def seconds_per_step(films: FilmSet, config: TrainingConfig, device: torch.device) -> float:
    """Return the mean time of an epoch's steps after the first, which warms up; each step waits for its loss."""
    marks: list[float] = []
    watchers = Watchers(on_step=lambda progress: marks.append(time.perf_counter()))
    train_one_epoch(begin(new_model(), films, config, device), films, config, device, 0, watchers)
    return (marks[-1] - marks[0]) / (len(marks) - 1)


def training_speed(films: FilmSet, batch: int, device: torch.device) -> Figures:
    """Compare our loop's steps, set-up left out, with bare steps over one batch that lies on the device."""
    figures: Figures = {}
    for recipe in (Recipe.NONE, Recipe.ORIGINAL):
        config = config_for(films, batch, Precision.AUTO, recipe)
        seconds = min(seconds_per_step(films, config, device) for _ in range(2))
        figures[f"loop, recipe {recipe.value}, images/s"] = batch / seconds
    state = begin(new_model(), films, config, device)
    inputs = films.inputs(np.arange(batch), device)
    labels_B = torch.from_numpy(films.labels_N[:batch].astype(np.float32)).to(device)
    steps = len(films) // batch

    def bare() -> None:
        state.model.train()
        for _ in range(steps):
            with autocast(device, config.precision):
                logits_B = state.model(inputs)
            state.optimizer.zero_grad(set_to_none=True)
            smoothed_loss(logits_B.float(), labels_B).backward()
            state.optimizer.step()

    figures["bare loop, images/s"] = per_second(bare, steps * batch, device)
    return figures


def losses(films: FilmSet, batch: int, device: torch.device) -> Figures:
    """Return the last training loss of each number format from the same start."""
    formats = [Precision.FP32]
    formats += [Precision.BF16] if computes_bf16(device) else []
    formats += [Precision.FP16] if device.type == "cuda" else []
    return {
        f"training loss, {precision.value}": fit(new_model(), films, films, config_for(films, batch, precision), device)
        .epochs[-1]
        .train_loss
        for precision in formats
    }


def resume_is_equal(films: FilmSet, batch: int, device: torch.device) -> Figures:
    """Compare a run of two epochs with one that is stopped after the first and resumed."""
    config = config_for(films, batch, Precision.AUTO)
    held: list[TrainingState] = []
    kept = io.BytesIO()

    def keep(_: object) -> None:
        if not kept.tell():
            parts = [held[0].model, held[0].optimizer, held[0].schedule, held[0].scaler]
            seeds = [torch.get_rng_state(), torch.cuda.get_rng_state() if device.type == "cuda" else None]
            torch.save([[part.state_dict() for part in parts], seeds], kept)

    def restore(state: TrainingState) -> None:
        kept.seek(0)
        states, (cpu, gpu) = torch.load(kept, weights_only=True)
        for part, saved in zip((state.model, state.optimizer, state.schedule, state.scaler), states, strict=True):
            part.load_state_dict(saved)
        state.epoch = 1
        torch.set_rng_state(cpu)
        if gpu is not None:
            torch.cuda.set_rng_state(gpu)

    whole = fit(new_model(), films, films, config, device, Watchers(on_begin=held.append, on_epoch=keep))
    resumed = fit(new_model(), films, films, config, device, Watchers(on_begin=restore))
    return {"resume, largest difference of a weight": largest_difference(whole.model, resumed.model)}


def largest_difference(one: nn.Module, other: nn.Module) -> float:
    """Return the largest absolute difference between two networks' weights."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs)


def memory(films: FilmSet, batch: int, device: torch.device) -> Figures:
    """Extrapolate a step's memory from two small batches, as the estimate does, and compare; NVML against torch."""
    if device.type != "cuda":
        return {"memory": "a GPU's only"}
    from core.runs.nvml import read_gpus

    taken = {}
    for size in (4, batch // 4, batch):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        config = config_for(films, size, Precision.AUTO)
        part = FilmSet(films.pixels_NHW, films.rows_N[: 2 * size], films.labels_N[: 2 * size])
        train_one_epoch(begin(new_model(), part, config, device), part, config, device, 0, Watchers())
        taken[size] = torch.cuda.max_memory_reserved() / 2**20
    a_film = (taken[batch // 4] - taken[4]) / (batch // 4 - 4)
    free, total = torch.cuda.mem_get_info()
    readings = read_gpus()
    return {
        "memory estimated, MiB": taken[4] + a_film * (batch - 4),
        "memory taken, MiB": taken[batch],
        "driver: memory used, MiB": (total - free) / 2**20,
        "NVML: memory used, MiB": (readings[0].memory_used or 0) / 2**20 if readings else None,
    }


def reading_speed(films: FilmSet, batch: int, device: torch.device) -> Figures:
    """Compare JPEG decoding, the forward pass, and both together with decoding in threads."""
    model = new_model().to(device, memory_format=torch.channels_last).eval()
    size = films.pixels_NHW.shape[1]
    files = []
    for film_HW in films.pixels_NHW:
        file = io.BytesIO()
        Image.fromarray(film_HW).resize((2 * size, 2 * size)).save(file, "JPEG", quality=92)
        files.append(file.getvalue())

    def decode(data: bytes) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(data)).resize((size, size)))

    @torch.inference_mode()
    def forward(images_B1HW: Tensor) -> Tensor:
        with autocast(device, Precision.AUTO):
            return model(images_B1HW).float()

    fixed = films.inputs(np.arange(batch), device)
    steps = max(1, len(files) // batch)
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def read() -> None:
            ready: list[np.ndarray] = []
            for film_HW in pool.map(decode, files):
                ready.append(film_HW)
                if len(ready) == batch:
                    pixels = torch.from_numpy(np.stack(ready)).to(device).float() / 255
                    forward(pixels.unsqueeze(1).contiguous(memory_format=torch.channels_last))
                    ready = []

        decoding = per_second(lambda: list(pool.map(decode, files)), len(files), device)
        alone = per_second(lambda: [forward(fixed) for _ in range(steps)], steps * batch, device)
        both = per_second(read, len(files), device)
    return {
        "decoding alone, images/s": decoding,
        "forward pass alone, images/s": alone,
        "reading, images/s": both,
        "reading's share of decoding alone": both / decoding,
    }


def machine(device: torch.device) -> Figures:
    """Say what is measured."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return {"device": name, "torch": torch.__version__, "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}


def main() -> None:
    """Run every check, and print the table and one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a form that takes seconds on a processor")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    device = torch.device(asked.device)
    num_films, size, batch = (8, 32, 4) if asked.small else (768, 224, 64)
    films = drawn_films(num_films, size)
    figures = machine(device)
    for check in (training_speed, losses, resume_is_equal, memory, reading_speed):
        found = check(films, batch, device)
        figures |= found
        for name, value in found.items():
            print(f"{name:45} {value:12.4f}" if isinstance(value, float) else f"{name:45} {value}", flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
