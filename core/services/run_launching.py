"""What stands before a launch: folders that were indexed, films as a recipe varies them, the equal command."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select

from core.cohort.pixel_cache import PixelCache
from core.errors import CohortError
from core.services import cohorts
from core.services.desk import Desk
from core.training.config import TrainingConfig
from db import models as tables

NUM_PREVIEWED = 12


@dataclass(frozen=True)
class KnownCohort:
    """A folder that was indexed here: where it is and how many films it holds for training."""

    root: Path
    fingerprint: str
    num_images: int
    num_for_training: int


def list_known_cohorts(desk: Desk) -> list[KnownCohort]:
    """Return the folders that were indexed and are still there, the last one first, each once."""
    with desk.reading() as session:
        rows = session.scalars(select(tables.Cohort).order_by(tables.Cohort.id.desc())).all()
    known: dict[str, KnownCohort] = {}
    for row in rows:
        if row.root not in known and Path(row.root).is_dir():
            known[row.root] = KnownCohort(Path(row.root), row.fingerprint, row.num_images, _num_for_training(row))
    return list(known.values())


def _num_for_training(row: tables.Cohort) -> int:
    images: dict[str, dict[str, int]] = row.summary.get("images", {})
    held = [sum(labels.values()) for split, labels in images.items() if split != "test"]
    return sum(held) or row.num_images


def preview_batch(desk: Desk, root: Path, config: TrainingConfig) -> np.ndarray:
    """Return a few training films of a cohort as the config's recipe varies them: uint8 [B, H, W]."""
    cohort = cohorts.index(desk, root)
    films = cohort.select("train") if (cohort.manifest["split"] == "train").any() else cohort.select()
    if films.empty:
        raise CohortError(f"{root} holds no usable film to show.")
    chosen = films.sample(min(NUM_PREVIEWED, len(films)), random_state=config.seed)
    files = list(chosen["file"])
    cache = PixelCache.open_or_build(cohort, files, config.image_size, desk.settings.caches)
    pixels_BHW = np.stack([cache.pixels_NSS[cache.index_of(file)] for file in files])
    # Only now, so that opening the page does not wait for torch.
    import torch

    from core.training.augmentation import RANGES, augment

    generator = torch.Generator().manual_seed(config.seed)
    varied = augment(torch.from_numpy(pixels_BHW).float() / 255, RANGES[config.recipe], generator)
    return (varied * 255).round().to(torch.uint8).numpy()


def equal_command(root: Path, config: TrainingConfig, *, name: str = "", seeds: Sequence[int] = ()) -> str:
    """Return the command lines that queue the same runs, with only the options that are not the defaults."""
    changed = config.model_dump(mode="json", exclude_defaults=True)
    lines = []
    for seed in seeds or (config.seed,):
        words = ["python", "-m", "core", "train", "--queue", "--data", str(root)]
        if name:
            words += ["--name", name]
        for option, value in {**changed, "seed": seed}.items():
            words += [f"--{option.replace('_', '-')}", str(value)]
        lines.append(shlex.join(words))
    return "\n".join(lines)
