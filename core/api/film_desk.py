"""Single images on their way from a request to the shared model: as many as may wait, and no longer than they may."""

import asyncio
import time
from concurrent.futures import Future
from typing import Annotated, BinaryIO

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, HTTPException, Request

from core.api.access import Caller
from core.api.settings import ApiSettings
from core.api.watching import Figures
from core.services.desk import open_desk
from core.services.models.lookup import resolve_model
from core.services.triage.single_films import Prediction, PredictionDesk, SharedModel
from core.triage.live import ReaderClosedError

BUSY = "As many images wait as may: try again in a moment."
SECONDS_BETWEEN_LOOKS = 1.0
"""How soon another active model answers."""
TOO_LONG = "The model did not answer in time: try again in a moment."


class FilmDesk:
    """Hands images to the shared model without ever holding up those who ask for something else."""

    def __init__(self, settings: ApiSettings, figures: Figures) -> None:
        self._settings = settings
        self._figures = figures
        self._num_waiting = 0
        self._model: SharedModel | None = None
        self._name = ""
        self._looked_at = -SECONDS_BETWEEN_LOOKS
        # One thread of its own: loading takes seconds, and must not use up the threads of others.
        self._loading = CapacityLimiter(1)

    @property
    def model(self) -> SharedModel:
        """The shared model, loaded or not; raises SettingsError or DatabaseError if there is no desk."""
        if self._model is None or time.monotonic() - self._looked_at >= SECONDS_BETWEEN_LOOKS:
            return self._look()
        return self._model

    def _look(self) -> SharedModel:
        """Take the model that is active now; images that are with the one before are answered by it."""
        desk = open_desk()
        name = resolve_model(desk, self._settings.model)
        if self._model is None or name != self._name:
            if self._model is not None:
                # Its threads and its weights would otherwise stay for as long as the server runs.
                self._model.close_in_background()
            self._model = SharedModel(desk, name, self._figures.batch_sizes.observe)
            self._name = name
        self._looked_at = time.monotonic()
        return self._model

    async def predict(self, stream: BinaryIO, caller: Caller) -> Prediction:
        """Return what an image was found to be; raises HTTPException 503 if too many wait or it takes too long."""
        if self._num_waiting >= self._settings.max_waiting:
            self._figures.predictions.labels("turned away").inc()
            raise HTTPException(503, BUSY)
        self._num_waiting += 1
        self._figures.waiting.set(self._num_waiting)
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                prediction = await asyncio.wrap_future(await self._ask(stream, caller.name))
        except TimeoutError as error:
            self._figures.predictions.labels("too late").inc()
            raise HTTPException(503, TOO_LONG) from error
        finally:
            self._num_waiting -= 1
            self._figures.waiting.set(self._num_waiting)
        self._figures.predictions.labels(prediction.finding or prediction.status).inc()
        return prediction

    async def _ask(self, stream: BinaryIO, sender: str) -> "Future[Prediction]":
        """Return the prediction to come, of the model that is active now if the one asked was replaced meanwhile."""
        while True:
            model = self.model
            try:
                loaded = model.loaded or await self._load(model)
                return loaded.predict(stream, sender)
            except ReaderClosedError:
                if model is self._model:
                    raise

    async def _load(self, model: SharedModel) -> PredictionDesk:
        return await to_thread.run_sync(model.get, limiter=self._loading, abandon_on_cancel=True)


def film_desk(request: Request) -> FilmDesk:
    """Return the application's desk for single images."""
    return request.app.state.film_desk


Films = Annotated[FilmDesk, Depends(film_desk)]
