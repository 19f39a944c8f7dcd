"""Images that come one at a time: read together when they wait together, each answered for, whatever befalls
another.
"""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.errors import DatabaseError
from core.evaluation.calibration import PlattScaling
from core.evaluation.operating_point import OperatingPoint
from core.triage.inference import EngineOutput
from core.triage.live import LiveReader, ReaderClosedError, ReceivedFilm
from core.triage.pipeline import BATCH_SIZE
from core.triage.predictor import Predictor

POINT = OperatingPoint(name="p", threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, rule="r", chosen_on="c")


class BrightnessEngine:
    """Says the brightness of an image; waits while it is held, and breaks on request."""

    name = "brightness"

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.breaks = False
        self.error: Exception | None = None

    def submit(self, images_B1HW, deliver) -> None:
        self.sizes.append(len(images_B1HW))
        self.may_go_on.wait(30)
        if self.error is not None:
            raise self.error
        if self.breaks:
            raise RuntimeError("the device is gone")
        logits_B = (images_B1HW.mean(axis=(1, 2, 3)) - 0.5) * 20
        deliver(EngineOutput(logits_B, np.zeros((len(logits_B), 2)), np.ones((len(logits_B), 2, 2))))

    def finish(self) -> None:
        pass


@pytest.fixture
def engine() -> BrightnessEngine:
    return BrightnessEngine()


@pytest.fixture
def reader(engine: BrightnessEngine) -> Iterator[LiveReader]:
    made = live_reader(engine)
    yield made
    engine.may_go_on.set()
    made.close()


def live_reader(engine: BrightnessEngine, settle=None) -> LiveReader:
    card = SimpleNamespace(
        preprocessing=SimpleNamespace(image_size=32), calibration=PlattScaling(slope=1.0, intercept=0.0)
    )
    predictor = Predictor(SimpleNamespace(card=card), engine, None, POINT)
    settle = settle or (lambda films: [reading for _, reading in films])
    return LiveReader(predictor, settle, num_threads=2, max_file_bytes=100_000)


def film(brightness: int, sender: str | None = None) -> ReceivedFilm:
    noise_HW = np.random.default_rng(brightness).normal(brightness, 6, (96, 96))
    smooth_HW = noise_HW + np.linspace(-20, 20, 96)
    stream = io.BytesIO()
    Image.fromarray(smooth_HW.clip(0, 255).astype(np.uint8)).save(stream, "PNG")
    stream.seek(0)
    return ReceivedFilm("film", Path("film"), stream=stream, sender=sender)


def test_each_asker_gets_their_own_film_back(reader: LiveReader) -> None:
    """Forty images in flight at once: every answer is that of the image that was sent."""
    bright = [60 + 3 * number for number in range(40)]
    answers = [reader.read(film(value)) for value in bright]
    logits = [answer.result(30).logit for answer in answers]
    assert logits == pytest.approx([(value / 255 - 0.5) * 20 for value in bright], abs=0.2)


def test_what_waits_together_is_read_together(reader: LiveReader, engine: BrightnessEngine) -> None:
    """An image alone goes at once; those that come while the engine is busy go in full batches."""
    reader.read(film(100)).result(30)
    assert engine.sizes == [1]
    engine.may_go_on.clear()
    first = reader.read(film(100))
    while len(engine.sizes) < 2:
        threading.Event().wait(0.01)
    answers = [reader.read(film(100 + number)) for number in range(2 * BATCH_SIZE)]
    while reader._ready.qsize() < len(answers):
        threading.Event().wait(0.01)
    engine.may_go_on.set()
    for answer in (first, *answers):
        answer.result(30)
    assert engine.sizes == [1, 1, BATCH_SIZE, BATCH_SIZE]


def test_a_bad_film_harms_no_other(reader: LiveReader) -> None:
    """Text, and a file above the limit, are answered with their reason beside an image that is read."""
    text = ReceivedFilm("film", Path("film"), stream=io.BytesIO(b"text"))
    large = ReceivedFilm("film", Path("film"), stream=io.BytesIO(b"x" * 100_001))
    answers = [reader.read(one) for one in (text, film(200), large)]
    assert [answer.result(30).reason_code for answer in answers] == ["not_a_picture", "pneumonia", "file_too_large"]


def test_a_broken_engine_is_told_and_the_next_film_is_read(reader: LiveReader, engine: BrightnessEngine) -> None:
    """An engine that fails once fails those images alone; nobody waits for ever."""
    engine.breaks = True
    with pytest.raises(RuntimeError, match="device is gone"):
        reader.read(film(100)).result(30)
    engine.breaks = False
    assert reader.read(film(30)).result(30).finding == "normal"


@pytest.mark.parametrize("error", [TypeError("of a library"), KeyError("row"), MemoryError(), AssertionError()])
def test_no_error_ends_the_threads(engine: BrightnessEngine, error: Exception) -> None:
    """What nobody foresaw, in the engine or in keeping, reaches who asked, and the next images are analysed."""
    failing: list[Exception] = []

    def fail_if_told(films: list) -> list[str]:
        if failing:
            raise failing.pop()
        return [one.sender for one, _ in films]

    reader = live_reader(engine, fail_if_told)
    failing.append(error)
    with pytest.raises(type(error)):
        reader.read(film(100)).result(30)
    assert reader.read(film(100, sender="after keeping")).result(30) == "after keeping"
    engine.error = error
    with pytest.raises(type(error)):
        reader.read(film(100)).result(30)
    engine.error = None
    assert reader.read(film(100, sender="after computing")).result(30) == "after computing"
    reader.close()
    assert not any(thread.is_alive() for thread in reader._threads)


def test_a_closed_reader_says_that_it_is(engine: BrightnessEngine) -> None:
    """Who asks a model that was replaced is told at once, and does not wait."""
    reader = live_reader(engine)
    reader.close()
    with pytest.raises(ReaderClosedError, match="made active just now"):
        reader.read(film(100))


def test_an_answer_that_cannot_be_kept_is_not_given(engine: BrightnessEngine) -> None:
    """If storing fails the asker is told, and a later image is read."""
    failing = [True]

    def settle(films):
        if failing:
            raise DatabaseError("The disk is full.")
        return [one.sender for one, _ in films]

    reader = live_reader(engine, settle)
    with pytest.raises(DatabaseError, match="disk is full"):
        reader.read(film(100)).result(30)
    failing.clear()
    assert reader.read(film(100, sender="ward 3")).result(30) == "ward 3"
    reader.close()


def test_who_leaves_before_their_turn_costs_nothing(reader: LiveReader, engine: BrightnessEngine) -> None:
    """An image that nobody waits for any more is neither decoded nor read."""
    engine.may_go_on.clear()
    block = threading.Event()
    blocked = [reader._pool.submit(block.wait, 30) for _ in range(2)]
    answer = reader.read(film(100))
    assert answer.cancel()
    block.set()
    engine.may_go_on.set()
    for one in blocked:
        one.result(30)
    assert reader.read(film(100)).result(30).file == "film"
    with pytest.raises(CancelledError):
        answer.result(0)
    assert sum(engine.sizes) == 1


def test_closing_answers_what_was_asked(engine: BrightnessEngine) -> None:
    """Everything sent before the end is answered, and the threads end."""
    reader = live_reader(engine)
    answers = [reader.read(film(80 + number)) for number in range(10)]
    reader.close()
    assert all(answer.done() for answer in answers)
    assert not any(thread.is_alive() for thread in reader._threads)
