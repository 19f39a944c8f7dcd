"""Reading images as they are and as each stress leaves them, each image decoded once.

Shapes: N images, S versions of one image (as it is, then one for each stress), H and W pixels.
"""

import zlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np

from core.errors import RadiographError
from core.progress import OnCount, count_for_nobody
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square
from core.radiograph.shutter import without_border
from core.triage.inference import EngineOutput
from core.triage.intake import Candidate
from core.triage.pipeline import BATCH_SIZE
from core.triage.predictor import Predictor
from core.triage.preparation import DECODED_SIDE
from core.triage.stresses import Stress

FILMS_AHEAD = 4


def stressed_logits(
    candidates: Sequence[Candidate],
    predictor: Predictor,
    stresses: Sequence[Stress],
    *,
    num_threads: int,
    max_file_bytes: int,
    on_count: OnCount = count_for_nobody,
) -> np.ndarray:
    """Return logits `[N, 1 + S]`, the first column of the images as they are; rows of unreadable images are NaN.

    The random part of a stress depends on the image's name alone, so that two models see the very same versions.
    """
    logits_NS = np.full((len(candidates), 1 + len(stresses)), np.nan)
    window: deque[tuple[int, Future[np.ndarray | None]]] = deque()

    def predict_oldest() -> None:
        """Predict the image that has waited longest."""
        row, versions = window.popleft()
        images_S1HW = versions.result()
        if images_S1HW is not None:
            _submit(images_S1HW, predictor, logits_NS[row])
        on_count(row + 1, len(candidates))

    with ThreadPoolExecutor(num_threads, thread_name_prefix="stress") as pool:
        for row, candidate in enumerate(candidates):
            window.append((row, pool.submit(_versions, candidate, predictor.image_size, stresses, max_file_bytes)))
            if len(window) >= FILMS_AHEAD:
                predict_oldest()
        while window:
            predict_oldest()
    predictor.engine.finish()
    return logits_NS


def _versions(candidate: Candidate, size: int, stresses: Sequence[Stress], max_file_bytes: int) -> np.ndarray | None:
    """Return the network's inputs `[1 + S, 1, size, size]` of one image, None if it cannot be read."""
    try:
        radiograph = read_radiograph(candidate.read_bytes(max_file_bytes), shortest_side=round(DECODED_SIDE * size))
    except RadiographError:
        return None
    film_HW = np.rint(radiograph.pixels_HW * 255).astype(np.uint8)
    generator = np.random.default_rng(zlib.crc32(candidate.name.encode("utf-8", "surrogateescape")))
    changed = [
        resize_to_square(without_border(stress.change(film_HW, generator), 255.0), size, 255.0) for stress in stresses
    ]
    return np.stack([radiograph.to_square(size), *changed])[:, None]


def _submit(images_S1HW: np.ndarray, predictor: Predictor, logits_S: np.ndarray) -> None:
    """Have all versions of an image predicted, in batches of the size that is fastest beside decoding."""

    def keep(columns: slice, output: EngineOutput) -> None:
        logits_S[columns] = output.logits_B

    for first in range(0, len(images_S1HW), BATCH_SIZE):
        columns = slice(first, first + BATCH_SIZE)
        predictor.engine.submit(images_S1HW[columns], partial(keep, columns))
