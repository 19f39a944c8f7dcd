"""What stands before a launch: folders that were indexed, images as a recipe varies them, the equal command."""

import shlex
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from core.dataset.pixel_cache import PixelCache
from core.errors import CohortError
from core.language import tr
from core.services.datasets import indexing
from core.services.desk import Desk
from core.training.config import SPLIT_FIELDS, TrainingConfig

NUM_PREVIEWED = 12


def preview_sheet(desk: Desk, root: Path, config: TrainingConfig) -> bytes:
    """Return a few training images of a dataset as the config's recipe varies them, side by side in a PNG."""
    cohort = indexing.index(desk, root)
    films = cohort.select("train") if (cohort.manifest["split"] == "train").any() else cohort.select()
    if films.empty:
        raise CohortError(tr("{root} holds no usable image to show.", root=root))
    files = list(films.sample(min(NUM_PREVIEWED, len(films)), random_state=config.seed)["file"])
    cache = PixelCache.open_or_build(cohort, files, config.image_size, desk.settings.caches)
    pixels_BHW = np.stack([cache.pixels_NSS[cache.index_of(file)] for file in files])
    # Only now, so that access the page does not wait for torch.
    import torch

    from core.training.augmentation import RANGES, augment

    generator = torch.Generator().manual_seed(config.seed)
    varied_BHW = augment(torch.from_numpy(pixels_BHW).float() / 255, RANGES[config.recipe], generator)
    return _contact_sheet((varied_BHW * 255).round().to(torch.uint8).numpy())


def _contact_sheet(films_BHW: np.ndarray) -> bytes:
    shown_px, per_row, gap = 160, 6, 4
    num_rows = -(-len(films_BHW) // per_row)
    sheet = Image.new("L", (per_row * (shown_px + gap) - gap, num_rows * (shown_px + gap) - gap), color=128)
    for place, film_HW in enumerate(films_BHW):
        film = Image.fromarray(film_HW).resize((shown_px, shown_px))
        sheet.paste(film, (place % per_row * (shown_px + gap), place // per_row * (shown_px + gap)))
    encoded = BytesIO()
    sheet.save(encoded, "PNG")
    return encoded.getvalue()


def equal_command(
    root: Path, config: TrainingConfig, *, name: str = "", split: str = "", seeds: Sequence[int] = ()
) -> str:
    """Return the command lines that queue the same runs, with only the options that are not the defaults."""
    by_split: set[str] = set(SPLIT_FIELDS) if split else set()
    changed = config.model_dump(mode="json", exclude_defaults=True, exclude=by_split)
    lines = []
    for seed in seeds or (config.seed,):
        words = ["python", "-m", "core", "train", "--queue", "--data", str(root)]
        if split:
            words += ["--split", split]
        if name:
            words += ["--name", name]
        for option, value in {**changed, "seed": seed}.items():
            words += [f"--{option.replace('_', '-')}", str(value)]
        lines.append(shlex.join(words))
    return "\n".join(lines)
