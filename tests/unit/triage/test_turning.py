"""An image is called turned only if turning it makes it look more upright, and the row says which way to rotate it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.triage.gate import Gate
from core.triage.inference import EngineOutput, SerialEngine
from core.triage.intake import Candidate
from core.triage.orientation import Orientation
from core.triage.pipeline import read_films
from core.triage.priority import Status
from core.triage.turning import needed_turns
from tests.unit.triage.test_pipeline import predictor

GATE = Gate(
    np.zeros(2), np.eye(2), np.eye(2), 1.0, threshold=np.inf, orientation=Orientation(np.array([-10.0, 0.0]), 0.0, -1.0)
)
"""Suspects every image whose lower half is not clearly the brighter one."""


class HalvesEngine:
    """Its embedding tells by how much the lower half is brighter than the upper one; it answers when finished with."""

    name = "halves"

    def __init__(self) -> None:
        self.num_images = 0
        self._late: list[tuple[np.ndarray, Callable[[EngineOutput], None]]] = []

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[[EngineOutput], None]) -> None:
        self.num_images += len(images_B1HW)
        self._late.append((images_B1HW, deliver))

    def finish(self) -> None:
        while self._late:
            images_B1HW, deliver = self._late.pop(0)
            deliver(EngineOutput(np.zeros(len(images_B1HW)), embeddings(images_B1HW[:, 0]), images_B1HW[:, 0]))


def embeddings(images_BHW: np.ndarray) -> np.ndarray:
    middle = images_BHW.shape[1] // 2
    leads_B = images_BHW[:, middle:].mean(axis=(1, 2)) - images_BHW[:, :middle].mean(axis=(1, 2))
    return np.stack([leads_B, np.full(len(leads_B), 0.1)], axis=1)


def film(rise: float = 0.4) -> np.ndarray:
    """Return an image that is darkest at its top; with little rise it looks hardly upright."""
    return np.tile(np.linspace(0.5 - rise / 2, 0.5 + rise / 2, 32), (32, 1)).T.astype(np.float32)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_the_turn_that_puts_it_upright_is_named(quarters: int) -> None:
    """An image turned clockwise by some quarters needs just as many counter-clockwise."""
    images_BHW = np.stack([np.rot90(film(), -quarters), film()])
    assert needed_turns(images_BHW, embeddings(images_BHW), GATE, HalvesEngine()).tolist() == [quarters, 0]


def test_a_film_that_no_turn_makes_more_upright_is_left_alone() -> None:
    """One of another hospital, suspected as it is and in every turn, is not called turned."""
    foreign_BHW = film(rise=0.01)[None]
    engine = HalvesEngine()
    assert GATE.are_turned(embeddings(foreign_BHW)).all()
    assert needed_turns(foreign_BHW, embeddings(foreign_BHW), GATE, engine).tolist() == [0]
    assert engine.num_images == 3


def test_only_suspects_are_looked_at_again_and_no_turn_that_looks_foreign_counts() -> None:
    """An upright image costs nothing more; where every turn lies outside the gate the image is foreign, not turned."""
    engine = HalvesEngine()
    assert needed_turns(film()[None], embeddings(film()[None]), GATE, engine).tolist() == [0]
    assert engine.num_images == 0
    turned_BHW = np.rot90(film(), 2)[None]
    assert needed_turns(turned_BHW, embeddings(turned_BHW), replace(GATE, threshold=0.0), engine).tolist() == [0]
    assert needed_turns(turned_BHW, embeddings(turned_BHW), replace(GATE, orientation=None), engine).tolist() == [0]


@pytest.mark.parametrize(
    ("quarters", "said"),
    [
        (1, "lies on its side: rotate it by 90° counter-clockwise"),
        (2, "stands on its head: rotate it by 180°"),
        (3, "lies on its side: rotate it by 90° clockwise"),
    ],
)
def test_a_turned_film_is_stopped_with_the_rotation_it_needs(tmp_path: Path, quarters: int, said: str) -> None:
    """Its row says what to do and has no probability; the upright image beside it is read."""
    upright = Image.fromarray((film() * 255).round().astype(np.uint8)).resize((96, 96))
    upright.save(tmp_path / "upright.png")
    upright.rotate(-90 * quarters).save(tmp_path / "turned.png")
    model = replace(predictor(GATE), engine=HalvesEngine())
    candidates = [Candidate(name, tmp_path / name) for name in ("turned.png", "upright.png")]
    found = {reading.file: reading for reading in read_films(candidates, model, num_threads=1, max_file_bytes=10**7)}
    assert (found["turned.png"].status, found["turned.png"].reason_code) == (Status.REJECTED, "turned")
    assert said in found["turned.png"].reason and found["turned.png"].probability is None
    assert found["upright.png"].status is Status.READ


def test_an_engine_asked_by_two_threads_answers_one_call_at_a_time() -> None:
    """What is asked through the lock comes out as from the engine itself."""
    engine, answers = SerialEngine(HalvesEngine()), []
    engine.submit(film()[None, None], answers.append)
    engine.finish()
    assert np.allclose(answers[0].embeddings_BD, embeddings(film()[None])) and engine.name == "halves"
