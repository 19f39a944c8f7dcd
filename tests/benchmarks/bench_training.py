"""ResNet18 training at 224 pixels: ours against the original notebook's loop, in one run on this processor."""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
import torchvision
from films import data_folder, line
from torchvision import transforms

from core.dataset.pixel_cache import PixelCache
from core.model.catalogue import Architecture, WeightsSource
from core.model.pretrained import build_classifier
from core.training.allocation import keep_freed_memory
from core.training.config import ORIGINAL_STUDY, Recipe
from core.training.films import FilmSet
from core.training.loop import Watchers, begin, train_one_epoch
from tests.unit.dataset.small_cohorts import index_cohort

BATCH = 32
NUM_STEPS = 8
NUM_ROUNDS = 3
CPU = torch.device("cpu")


def original_loop(folder: Path) -> float:
    """Images per second of ImageFolder with per-image transforms, in fp32, with two loader processes."""
    varied = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(10),
            transforms.ColorJitter(brightness=0.2, contrast=0.2),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 2))
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    films = torchvision.datasets.ImageFolder(str(folder), varied)
    loader = torch.utils.data.DataLoader(films, BATCH, shuffle=True, num_workers=2, drop_last=True)
    began = 0.0
    for steps, (images, labels) in enumerate(loader, 1):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        if steps == 2:
            began = perf_counter()
        if steps == NUM_STEPS + 2:
            break
    return NUM_STEPS * BATCH / (perf_counter() - began)


def our_loop(films: FilmSet, recipe: Recipe) -> float:
    config = ORIGINAL_STUDY.model_copy(update={"batch_size": BATCH, "recipe": recipe, "epochs": 1})
    state = begin(build_classifier(Architecture.RESNET18, source=WeightsSource.NONE), films, config, CPU)
    marks = []
    train_one_epoch(state, films, config, CPU, 0, Watchers(on_step=lambda progress: marks.append(perf_counter())))
    return (len(marks) - 2) * BATCH / (marks[-1] - marks[1])


def bare_loop(films: FilmSet) -> float:
    """Forward, backward and step on one ready batch: what the loop could reach."""
    config = ORIGINAL_STUDY.model_copy(update={"batch_size": BATCH, "epochs": 1})
    state = begin(build_classifier(Architecture.RESNET18, source=WeightsSource.NONE), films, config, CPU)
    state.model.train()
    images = torch.rand(BATCH, 1, 224, 224).contiguous(memory_format=torch.channels_last)
    labels = (torch.arange(BATCH) % 2).float()
    for step in range(NUM_STEPS + 2):
        if step == 2:
            began = perf_counter()
        state.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.cpu.get_capabilities().get("avx512_bf16"))):
            logits = state.model(images)
        torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels).backward()
        state.optimizer.step()
    return NUM_STEPS * BATCH / (perf_counter() - began)


def main() -> None:
    keep_freed_memory()
    folder = data_folder() / "chest_xray" / "train"
    with tempfile.TemporaryDirectory() as cache:
        cohort = index_cohort(data_folder() / "chest_xray")
        manifest = cohort.select("train").iloc[:: len(cohort.select("train")) // (BATCH * (NUM_STEPS + 2))]
        files = list(manifest["file"])[: BATCH * (NUM_STEPS + 2)]
        pixels = PixelCache.open_or_build(cohort, files, 224, Path(cache))
        rows = np.array([pixels.index_of(file) for file in files])
        labels = np.array(["PNEUMONIA" in file for file in files], dtype=np.uint8)
        films = FilmSet(pixels.pixels_NSS, rows, labels)
        # In turns, so that what else the machine does falls on all of them alike.
        speeds: dict[str, list[float]] = {}
        for _ in range(NUM_ROUNDS):
            speeds.setdefault("original", []).append(original_loop(folder))
            speeds.setdefault("bare", []).append(bare_loop(films))
            for recipe in (Recipe.ORIGINAL, Recipe.STRONG):
                speeds.setdefault(recipe.value + " recipe", []).append(our_loop(films, recipe))
        middle = {name: median(values) for name, values in speeds.items()}
        line("original notebook's loop, ResNet18 fp32", middle["original"], "images/s")
        line("bare forward, backward and step on a ready batch", middle["bare"], "images/s")
        for recipe in (Recipe.ORIGINAL, Recipe.STRONG):
            ours = middle[recipe.value + " recipe"]
            line(f"ours, recipe {recipe}", ours, "images/s")
            line(f"ours / original notebook's loop, recipe {recipe}", ours / middle["original"], "times", "reach 1.8")
            line(f"ours / bare loop, recipe {recipe}", ours / middle["bare"], "of 1", "must reach 0.9")


if __name__ == "__main__":
    main()
