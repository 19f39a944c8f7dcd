"""A reader that waits: one process that has the model ready before the images are there.

`python -m core.services.workers.warm_reader` holds a lock in the desk's home while it waits or reads, takes queued
batches one after another, and ends when none came for a while or the process that started it is gone. Nothing depends
on it: a batch that it does not take within a second gets a process of its own.
"""

import os
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

from filelock import Timeout
from sqlalchemy import select

from core.errors import DatabaseError, PneumoDeskError
from core.model.card import ModelCard
from core.model.identity import reader_identity
from core.services.desk import Desk, open_desk
from core.services.models.loading import load_predictor
from core.services.models.lookup import ACTIVE, model_card, resolve_model
from core.services.triage.batch_reading import work_on_batch
from core.services.triage.warm_reader import SECONDS_BETWEEN_LOOKS, reader_lock
from core.services.worklist.retention import apply_retention_if_allowed
from core.triage.predictor import Predictor
from db import models as tables
from db.states import State

SECONDS_TO_LOCK = 2.0


class KeptPredictor:
    """The model that was read with last, loaded ahead and loaded again only if another one is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="load")
        model = resolve_model(desk, ACTIVE)
        self._key = _key(model_card(desk, model))
        self._loading: Future[Predictor] = self._pool.submit(load_predictor, desk, model)

    def load(self, desk: Desk, model: str) -> Predictor:
        """Return a model ready to analyse images; raises PneumoDeskError if it is not available."""
        wanted = _key(model_card(desk, model))
        if wanted != self._key:
            self._key, self._loading = wanted, self._pool.submit(load_predictor, desk, model)
        try:
            return self._loading.result()
        except PneumoDeskError:
            # What was wrong may be mended until the next batch.
            self._key = ()
            raise


def _key(card: ModelCard) -> tuple[object, ...]:
    """The same reader may be in several versions, each with an operating point of its own."""
    return reader_identity(card), card.name, card.operating_point


def wait_for_batches(desk: Desk) -> None:
    """Read queued batches one after another until none came for as long as the setting says."""
    kept = KeptPredictor(desk)
    parent = os.getppid()
    patience = 60 * desk.settings.reader_waits_minutes
    last_work = time.monotonic()
    while os.getppid() == parent and time.monotonic() - last_work < patience:
        batch_id = _oldest_queued(desk)
        if batch_id is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            continue
        try:
            work_on_batch(desk, batch_id, load=kept.load)
            apply_retention_if_allowed(desk)
        except DatabaseError:
            # How the batch ended could not be written: only when this process is gone is it found lost.
            raise
        except PneumoDeskError as error:
            # It is in the batch's row; the next batch may be read all the same.
            sys.stderr.write(f"{batch_id}: {error}\n")
        last_work = time.monotonic()


def main() -> None:
    """Wait for batches, unless another reader does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        desk = open_desk()
        with reader_lock(desk, timeout=SECONDS_TO_LOCK):
            wait_for_batches(desk)
    except Timeout:
        sys.stderr.write("Another reader is waiting already.\n")
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


def _oldest_queued(desk: Desk) -> str | None:
    with desk.reading() as session:
        return session.scalar(
            select(tables.Batch.id)
            .where(tables.Batch.state == State.QUEUED.value)
            .order_by(tables.Batch.created_at)
            .limit(1)
        )


if __name__ == "__main__":
    main()
