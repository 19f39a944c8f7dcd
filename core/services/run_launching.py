"""What stands before a launch: folders that were indexed, films as a recipe varies them, the equal command."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select

from core.cohort.pixel_cache import PixelCache
from core.errors import CohortError, SettingsError
from core.radiograph.phantom import is_marked_as_drawn
from core.services import cohorts
from core.services.desk import Desk
from core.training.config import SPLIT_FIELDS, TrainingConfig
from db import models as tables

NUM_PREVIEWED = 12


@dataclass(frozen=True)
class KnownCohort:
    """A folder that was indexed here: where it is and how many films it holds for training."""

    root: Path
    fingerprint: str
    num_images: int
    num_for_training: int

    @property
    def words(self) -> str:
        """The folder and how many films it holds, and whether these are drawn."""
        films = "drawn films" if is_marked_as_drawn(self.root) else "films"
        return f"{self.root} · {self.num_images:,} {films}"


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


def index_server_folder(desk: Desk, folder: str, on_progress: cohorts.OnProgress) -> None:
    """Index a folder of this machine; raises SettingsError if it lies below no allowed root."""
    path, roots = Path(folder.strip()).expanduser(), desk.settings.allowed_film_roots
    if not path.is_absolute() or not any(path.resolve().is_relative_to(root) for root in roots):
        raise SettingsError(
            f"Films may be read below {' and '.join(str(root) for root in roots)} only. "
            "Give a full path there, or let PNEUMODESK_FILM_ROOTS name more folders."
        )
    cohorts.index(desk, path, on_progress)


def preview_sheet(desk: Desk, root: Path, config: TrainingConfig) -> bytes:
    """Return a few training films of a cohort as the config's recipe varies them, side by side in a PNG."""
    cohort = cohorts.index(desk, root)
    films = cohort.select("train") if (cohort.manifest["split"] == "train").any() else cohort.select()
    if films.empty:
        raise CohortError(f"{root} holds no usable film to show.")
    files = list(films.sample(min(NUM_PREVIEWED, len(films)), random_state=config.seed)["file"])
    cache = PixelCache.open_or_build(cohort, files, config.image_size, desk.settings.caches)
    pixels_BHW = np.stack([cache.pixels_NSS[cache.index_of(file)] for file in files])
    # Only now, so that opening the page does not wait for torch.
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
    by_split = set(SPLIT_FIELDS) if split else set()
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
