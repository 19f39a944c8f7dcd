"""The mean image of each class, by which one sees what sets the classes apart besides disease.

Shapes: S side of the mean image.
"""

from pathlib import Path

import numpy as np

from core.dataset.file_batches import map_in_batches
from core.dataset.manifest import Cohort
from core.errors import RadiographError
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square

MEAN_SIDE = 96
MOST_FILMS = 200
"""Of each class: a mean of 200 images no longer changes to the eye."""


def mean_films(cohort: Cohort, num_threads: int = 0) -> dict[str, np.ndarray]:
    """Return `mean_SS` in [0, 1] for each label that has images, of at most 200 drawn the same way every time."""
    means = {}
    for label, rows in cohort.select().dropna(subset="label").groupby("label"):
        drawn = rows.sample(min(len(rows), MOST_FILMS), random_state=0)
        films = map_in_batches(_small, [cohort.root / file for file in drawn["file"]], num_threads)
        readable = [film_SS for film_SS in films if film_SS is not None]
        if readable:
            means[str(label)] = np.mean(readable, axis=0, dtype=np.float64)
    return means


def _small(path: Path) -> np.ndarray | None:
    try:
        return resize_to_square(read_radiograph(path, shortest_side=MEAN_SIDE).pixels_HW, MEAN_SIDE)
    except RadiographError:
        return None
