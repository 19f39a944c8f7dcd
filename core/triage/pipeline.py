"""Triage of many files: read, check, predict in batches while the next files decode, decide.

Shapes: B images of a batch, h and w cells of an activation map, H and W pixels.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

import numpy as np

from core.triage.deciding import judge
from core.triage.film_reading import CachedReading, FilmReading, FilmView
from core.triage.inference import EngineOutput
from core.triage.intake import Candidate, IntakeProblem
from core.triage.memory import keep_freed_memory
from core.triage.predictor import Predictor
from core.triage.preparation import Preparation, PreparedFilm
from core.triage.priority import Priority, Status
from core.triage.saliency import on_whole_film

BATCH_SIZE = 4
WINDOW = 16 * BATCH_SIZE

OnFilm = Callable[[FilmReading, FilmView], None]


def read_films(
    candidates: Iterable[Candidate | IntakeProblem],
    predictor: Predictor,
    *,
    num_threads: int,
    max_file_bytes: int,
    check_films: bool = True,
    on_film: OnFilm | None = None,
    known: Mapping[str, int] | None = None,
) -> Iterator[FilmReading | CachedReading]:
    """Yield one reading for every candidate, in the order in which they are done; one bad file harms no other.

    An image whose hash is in `known` is not read but yielded with the id of its earlier reading. `check_films` may be
    off where every readable file is to be scored. `on_film` is called, in one of the reading threads, with every
    image that was read and what it was read from. Memory holds a few batches, however many candidates there are.
    """
    keep_freed_memory()
    # Leaving early (an error, or a reader who stops asking) must not wait for images nobody wants.
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="read")
    batches = _Batches(predictor, pool, on_film)
    keep_pixels = on_film is not None
    preparation = Preparation(predictor.image_size, max_file_bytes, check_films, keep_pixels, known)
    prepared = _prepared(candidates, pool, preparation)
    try:
        for outcome in prepared:
            if isinstance(outcome, PreparedFilm):
                batches.add(outcome)
                yield from batches.finished()
            else:
                yield outcome
        batches.close()
        yield from batches.finished()
        batches.finish_drawing()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Batches:
    """Images on their way through the engine; evaluated in the caller's thread, so that every error surfaces there."""

    def __init__(self, predictor: Predictor, pool: ThreadPoolExecutor, on_film: OnFilm | None) -> None:
        self._predictor = predictor
        self._pool = pool
        self._on_film = on_film
        self._waiting: list[PreparedFilm] = []
        self._done: SimpleQueue[tuple[list[PreparedFilm], EngineOutput]] = SimpleQueue()
        self._drawings: deque[Future[None]] = deque()

    def add(self, film: PreparedFilm) -> None:
        """Take an image, and send the batch off once it is full."""
        self._waiting.append(film)
        if len(self._waiting) == BATCH_SIZE:
            self._send()

    def close(self) -> None:
        """Send the last batch off and wait until the engine has answered for all."""
        if self._waiting:
            self._send()
        self._predictor.engine.finish()

    def finished(self) -> Iterator[FilmReading]:
        """Yield the readings of the batches that the engine has answered for."""
        while True:
            try:
                films, output = self._done.get_nowait()
            except Empty:
                break
            readings = judge(films, output, self._predictor)
            if self._on_film is not None:
                self._draw(self._on_film, films, output, readings)
            yield from readings

    def finish_drawing(self) -> None:
        """Wait for the last pictures; raises what drawing one raised."""
        while self._drawings:
            self._drawings.popleft().result()

    def _send(self) -> None:
        films, self._waiting = self._waiting, []
        images_B1HW = np.stack([film.image_HW for film in films])[:, None]
        self._predictor.engine.submit(images_B1HW, lambda output: self._done.put((films, output)))

    def _draw(
        self, on_film: OnFilm, films: list[PreparedFilm], output: EngineOutput, readings: list[FilmReading]
    ) -> None:
        for film, reading, map_hw in zip(films, readings, output.maps_Bhw, strict=True):
            if reading.status is Status.READ and film.grey_HW is not None:
                view = FilmView(film.grey_HW, on_whole_film(map_hw, film.field))
                self._drawings.append(self._pool.submit(on_film, reading, view))
        while len(self._drawings) > WINDOW or (self._drawings and self._drawings[0].done()):
            self._drawings.popleft().result()


def _prepared(
    candidates: Iterable[Candidate | IntakeProblem], pool: ThreadPoolExecutor, prepare: Preparation
) -> Iterator[PreparedFilm | FilmReading | CachedReading]:
    """Yield candidates in their order, with a window of them being read ahead."""
    window: deque[Future[PreparedFilm | FilmReading | CachedReading]] = deque()
    for candidate in candidates:
        if isinstance(candidate, IntakeProblem):
            yield FilmReading(candidate.name, Status.FAILED, str(candidate.reason), (candidate.why,), Priority.REVIEW)
            continue
        window.append(pool.submit(prepare, candidate))
        if len(window) >= WINDOW:
            yield window.popleft().result()
    while window:
        yield window.popleft().result()
