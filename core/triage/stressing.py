"""Reading films as they are and as each stress leaves them, each film decoded once.

Shapes: N films, S versions of one film (as it is, then one for each stress), H and W pixels.
"""

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from core.errors import RadiographError
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square
from core.triage.intake import Candidate
from core.triage.pipeline import BATCH_SIZE, DECODED_SIDE, Predictor
from core.triage.stresses import Stress

FILMS_AHEAD = 4


def stressed_logits(
    candidates: Sequence[Candidate],
    predictor: Predictor,
    stresses: Sequence[Stress],
    *,
    num_threads: int,
    max_file_bytes: int,
    on_progress: Callable[[int, int], None] = lambda done, count: None,
) -> np.ndarray:
    """Return logits `[N, 1 + S]`, the first column of the films as they are; rows of unreadable films are NaN.

    The random part of a stress depends on the film's name alone, so that two models see the very same versions.
    """
    logits_NS = np.full((len(candidates), 1 + len(stresses)), np.nan)

    def versions(candidate: Candidate) -> np.ndarray | None:
        try:
            content = candidate.read_bytes(max_file_bytes)
            radiograph = read_radiograph(content, shortest_side=round(DECODED_SIDE * predictor.image_size))
        except RadiographError:
            return None
        film_HW = np.rint(radiograph.pixels_HW * 255).astype(np.uint8)
        generator = np.random.default_rng(zlib.crc32(candidate.name.encode("utf-8", "surrogateescape")))
        changed = [stress.change(film_HW, generator) for stress in stresses]
        size = predictor.image_size
        squares = [radiograph.to_square(size), *(resize_to_square(version_HW, size, 255.0) for version_HW in changed)]
        return np.stack(squares)[:, None]

    def submit(row: int, images_S1HW: np.ndarray | None) -> None:
        if images_S1HW is None:
            return
        for first in range(0, len(images_S1HW), BATCH_SIZE):
            columns = slice(first, min(first + BATCH_SIZE, len(images_S1HW)))

            def keep(output: object, columns: slice = columns) -> None:
                logits_NS[row, columns] = output.logits_B

            predictor.engine.submit(np.ascontiguousarray(images_S1HW[columns]), keep)

    window: deque[tuple[int, Future[np.ndarray | None]]] = deque()
    with ThreadPoolExecutor(num_threads, thread_name_prefix="stress") as pool:
        for row, candidate in enumerate(candidates):
            window.append((row, pool.submit(versions, candidate)))
            if len(window) >= FILMS_AHEAD:
                done, future = window.popleft()
                submit(done, future.result())
                on_progress(done + 1, len(candidates))
        for done, future in window:
            submit(done, future.result())
            on_progress(done + 1, len(candidates))
    predictor.engine.finish()
    return logits_NS
