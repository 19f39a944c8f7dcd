"""Images that come one at a time, from many askers at once: what waits together goes through the engine together.

Shapes: B images of a batch, H and W pixels.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import BinaryIO, Generic, TypeVar

import numpy as np

from core.errors import PneumoDeskError
from core.language import tr
from core.triage.archives import too_large
from core.triage.deciding import judge
from core.triage.film_reading import CachedReading, FilmReading
from core.triage.inference import EngineOutput, SerialEngine
from core.triage.intake import Candidate
from core.triage.memory import keep_freed_memory
from core.triage.pipeline import BATCH_SIZE
from core.triage.predictor import Predictor
from core.triage.preparation import Preparation, PreparedFilm

MOST_SETTLED_TOGETHER = 64
_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class ReaderClosedError(PneumoDeskError):
    """The model that was asked was replaced by another in the meantime."""


@dataclass(frozen=True)
class ReceivedFilm(Candidate):
    """An image that somebody sent, read from its stream only when its turn comes; `sender` is who."""

    stream: BinaryIO = field(kw_only=True, repr=False, compare=False)
    sender: str | None = None

    def read_bytes(self, limit_bytes: int) -> bytes:
        """Return the image's content; raises UnreadableFileError if it is above the limit."""
        content = self.stream.read(limit_bytes + 1)
        if len(content) > limit_bytes:
            raise too_large(limit_bytes)
        return content


@dataclass(frozen=True)
class _Asked(Generic[Answer]):
    film: ReceivedFilm
    answer: Future[Answer]


Settle = Callable[[list[tuple[ReceivedFilm, FilmReading]]], Sequence[Answer]]


class LiveReader(Generic[Answer]):
    """Analyses images as they come: threads decode them, one gathers what is ready into batches, one settles the
    results.

    `settle` turns readings into answers, for all images that are done together: what it stores costs one
    transaction for many images. A batch never waits to become full, so an image that comes alone is read at once.
    """

    def __init__(
        self,
        predictor: Predictor,
        settle: Settle[Answer],
        *,
        num_threads: int,
        max_file_bytes: int,
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        keep_freed_memory()
        # Two threads ask it: one sends batches, the other may have to look at an image again.
        self._predictor = replace(predictor, engine=SerialEngine(predictor.engine))
        self._settle = settle
        self._on_batch = on_batch
        self._prepare = Preparation(predictor.image_size, max_file_bytes, check_films=True, keep_pixels=False)
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="decode")
        self._ready: SimpleQueue[tuple[_Asked[Answer], PreparedFilm] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[list[_Asked[Answer]], Callable[[], list[FilmReading]]] | None] = SimpleQueue()
        self._is_closed = False
        self._threads = [
            threading.Thread(target=work, daemon=True, name=work.__name__) for work in (self._send, self._finish)
        ]
        for thread in self._threads:
            thread.start()

    def read(self, film: ReceivedFilm) -> "Future[Answer]":
        """Return the answer to come; cancelling it before its turn spares the work. Raises ReaderClosedError."""
        asked = _Asked(film, Future())
        try:
            prepared = self._pool.submit(self._prepare_if_wanted, asked)
        except RuntimeError as error:
            if self._is_closed:
                raise ReaderClosedError(tr("Another model was made active just now: ask again.")) from error
            raise
        prepared.add_done_callback(partial(self._pass_on, asked))
        return asked.answer

    def close(self) -> None:
        """Answer what was asked for and end the threads."""
        self._is_closed = True
        self._pool.shutdown(wait=True)
        self._ready.put(None)
        for thread in self._threads:
            thread.join()

    def _prepare_if_wanted(self, asked: _Asked[Answer]) -> PreparedFilm | FilmReading | CachedReading | None:
        return self._prepare(asked.film) if asked.answer.set_running_or_notify_cancel() else None

    def _pass_on(
        self, asked: _Asked[Answer], prepared: "Future[PreparedFilm | FilmReading | CachedReading | None]"
    ) -> None:
        error = prepared.exception()
        if error is not None:
            asked.answer.set_exception(error)
            return
        outcome = prepared.result()
        if isinstance(outcome, PreparedFilm):
            self._ready.put((asked, outcome))
        elif isinstance(outcome, FilmReading):
            self._done.put(([asked], lambda: [outcome]))

    def _send(self) -> None:
        """Gather what is ready into batches; waits only while there is nothing at all, or the engine is full."""
        while True:
            batch = [self._ready.get()]
            with suppress(Empty):
                while len(batch) < BATCH_SIZE and batch[-1] is not None:
                    batch.append(self._ready.get_nowait())
            films = [entry for entry in batch if entry is not None]
            if films:
                self._submit(films)
            if len(films) < len(batch):
                self._end()
                return

    def _end(self) -> None:
        """Wait for the engine and let the other thread end, whatever the engine says."""
        with _errors_go_to([]):
            self._predictor.engine.finish()
        self._done.put(None)

    def _submit(self, batch: list[tuple[_Asked[Answer], PreparedFilm]]) -> None:
        asked, films = [entry[0] for entry in batch], [entry[1] for entry in batch]

        def deliver(output: EngineOutput) -> None:
            self._done.put((asked, lambda: judge(films, output, self._predictor)))

        with _errors_go_to(asked):
            self._on_batch(len(films))
            self._predictor.engine.submit(np.stack([film.image_HW for film in films])[:, None], deliver)

    def _finish(self) -> None:
        """Evaluate and settle whatever is done, many images at a time if many are."""
        while (entry := self._done.get()) is not None:
            entries = [entry]
            with suppress(Empty):
                while len(entries) < MOST_SETTLED_TOGETHER:
                    following = self._done.get_nowait()
                    if following is None:
                        self._done.put(None)
                        break
                    entries.append(following)
            asked = [one for batch, _ in entries for one in batch]
            with _errors_go_to(asked):
                readings = [reading for _, judged in entries for reading in judged()]
                pairs = [(one.film, reading) for one, reading in zip(asked, readings, strict=True)]
                for one, answer in zip(asked, self._settle(pairs), strict=True):
                    one.answer.set_result(answer)


@contextmanager
def _errors_go_to(asked: Sequence[_Asked[Answer]]) -> Iterator[None]:
    """Hand whatever fails to those who asked and to the log, and let the thread continue."""
    try:
        yield
    # Broad on purpose: a thread that ends leaves anyone who asks waiting for ever, behind a server that says it is
    # well.
    except Exception as error:  # noqa: BLE001
        _log.error("The model did not answer: %s.", type(error).__name__, exc_info=error)
        for one in asked:
            if not one.answer.done():
                one.answer.set_exception(error)
