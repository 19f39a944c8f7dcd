"""The folds a run trains and validates on."""

from typing import TYPE_CHECKING

import numpy as np

from core.dataset.manifest import Cohort
from core.dataset.pixel_cache import PixelCache
from core.dataset.splitting import CohortSplit
from core.errors import CohortError
from core.language import tr
from core.progress import OnProgress, counted
from core.services.desk import Desk
from core.training.config import TrainingConfig

if TYPE_CHECKING:
    from core.runs.session import Fold


def folds_of(
    desk: Desk, cohort: Cohort, split: CohortSplit, config: TrainingConfig, on_progress: OnProgress
) -> dict[str, "Fold"]:
    """Return the images of every fold, decoded once; raises CohortError where a fold has images of one class only."""
    from core.runs.session import Fold
    from core.training.films import FilmSet

    files = list(split.assignments.index)
    cache = PixelCache.open_or_build(
        cohort,
        files,
        config.image_size,
        desk.settings.caches,
        counted("decoding", on_progress),
    )
    manifest = cohort.manifest.set_index("file")
    folds = {}
    for name in ("train", "validation", "calibration"):
        members = list(split.assignments.index[split.assignments == name])
        labels_N = (manifest.loc[members, "label"] == "pneumonia").to_numpy().astype(np.uint8)
        rows_N = np.array([cache.index_of(file) for file in members], dtype=np.int64)
        if len(np.unique(labels_N)) < 2:
            raise CohortError(
                tr(
                    "The {name} fold of {root} has images of only one class, so a model can be neither trained nor "
                    "evaluated on it. Add images of the other class, or more patients.",
                    name=name,
                    root=cohort.root,
                )
            )
        folds[name] = Fold(FilmSet(cache.pixels_NSS, rows_N, labels_N), manifest.loc[members, "patient"].to_numpy())
    return folds
