"""Making models active again and again keeps no old one: neither its threads nor its memory nor its weights.

`PNEUMODESK_ACTIVATIONS` says how often, 25 times unless told otherwise; one model in five cannot be loaded at first.
"""

import asyncio
import gc
import io
import os
import threading
import time
import weakref
from pathlib import Path

import psutil
import pytest

from core.api.access import Caller
from core.api.film_desk import FilmDesk
from core.api.settings import ApiSettings
from core.api.watching import Figures
from core.errors import CheckpointError
from core.model.checkpoint import WEIGHTS_FILE
from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk, open_desk
from core.services.models.lookup import model_folder
from core.services.registry.activation import activate
from core.services.registry.promotion import PromoteRequest, promote
from core.services.triage.single_films import PredictionDesk
from core.settings import AppSettings
from tests.hostile_files import encoded
from tests.made_runs import add_run, give_checkpoint, made_films
from tests.patience import PATIENCE_SECONDS

NUM_ACTIVATIONS = int(os.environ.get("PNEUMODESK_ACTIVATIONS", "25"))
NUM_WARM = 10
"""Activations after which memory and threads have found their size."""
NUM_BETWEEN_LOOKS = max(NUM_ACTIVATIONS // 20, 5)
MOST_MEGABYTES = 20
"""How much higher the peak of the second half may be than that of the first.

One model that is kept costs about ten. The C library's arenas fill up unevenly, so single looks differ by as much: what
has a limit shows in the first half.
"""
VERSIONS = ("ward@1", "ward@2")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with two promoted versions of small networks, which the API's image desk opens."""
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    for number, run_id in enumerate(("first0", "second")):
        add_run(desk, run_id, films=made_films(80), splits=("validation", "calibration"))
        give_checkpoint(desk, run_id, 32, number)
        promote(desk, PromoteRequest(source=f"run:{run_id}", name="ward"), "Ada")
    monkeypatch.setattr("core.api.film_desk.open_desk", lambda: desk)
    monkeypatch.setattr("core.api.film_desk.SECONDS_BETWEEN_LOOKS", 0.0)
    return desk


def wait_until_let_go(made: list[weakref.ref[PredictionDesk]]) -> None:
    """Wait until all models but the active one are gone, and their threads with them; fails after a long while."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        gc.collect()
        if sum(one() is not None for one in made) <= 1 and not any(
            thread.name == "close-model" for thread in threading.enumerate()
        ):
            return
        time.sleep(0.05)
    kept = sum(one() is not None for one in made)
    pytest.fail(f"{kept} of {len(made)} models are still there, with {threading.active_count()} threads.")


def peaks(looks: list[tuple[int, int, float]]) -> tuple[int, int, float]:
    """Return the highest number of each kind."""
    return tuple(map(max, zip(*looks, strict=True)))


def sizes() -> tuple[int, int, float]:
    """Return the threads of Python and of the process, and its memory in MB."""
    process = psutil.Process()
    return threading.active_count(), process.num_threads(), process.memory_info().rss / 2**20


def test_activations_and_failures_leave_nothing_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each active model answers; what was active before goes; threads and memory are flat after a while."""
    made: list[weakref.ref[PredictionDesk]] = []
    start = PredictionDesk.__init__

    def counted(self: PredictionDesk, *arguments: object) -> None:
        made.append(weakref.ref(self))
        start(self, *arguments)

    monkeypatch.setattr(PredictionDesk, "__init__", counted)
    film = encoded(synthesise_phantom(1, size=128))

    async def work() -> list[tuple[int, int, float]]:
        films, looks = FilmDesk(ApiSettings(answer_seconds=600), Figures()), []
        for number in range(NUM_ACTIVATIONS):
            version = VERSIONS[number % 2]
            activate(desk, version, "Ada")
            weights = model_folder(desk, version) / WEIGHTS_FILE
            if number % 5 == 0:
                away = weights.rename(weights.with_suffix(".away"))
                with pytest.raises(CheckpointError):
                    await films.predict(io.BytesIO(film), Caller("Ada"))
                away.rename(weights)
            prediction = await films.predict(io.BytesIO(film), Caller("Ada"))
            assert prediction.is_read and prediction.card.name == version
            if number + 1 >= NUM_WARM and (number + 1) % NUM_BETWEEN_LOOKS == 0:
                await asyncio.to_thread(wait_until_let_go, made)
                looks.append(sizes())
        return looks

    looks = asyncio.run(work())
    assert len(made) >= NUM_ACTIVATIONS
    half = len(looks) // 2
    (threads, all_threads, megabytes) = peaks(looks[:half])
    (threads_after, all_threads_after, megabytes_after) = peaks(looks[half:])
    assert threads_after <= threads
    assert all_threads_after <= all_threads + 2
    assert megabytes_after - megabytes < MOST_MEGABYTES, looks
