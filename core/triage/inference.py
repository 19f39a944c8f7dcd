"""What an inference engine takes and gives, whatever library runs it."""

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np


class EngineOutput(NamedTuple):
    """What the network says of a batch; maps are empty where the head has no linear activation map."""

    logits_B: np.ndarray
    embeddings_BD: np.ndarray
    maps_Bhw: np.ndarray


class Engine(Protocol):
    """Runs batches side by side and hands each result to a callback, in any order."""

    name: str

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[[EngineOutput], None]) -> None:
        """Begin a batch; waits while all places are taken."""

    def finish(self) -> None:
        """Wait until every batch has been delivered; raises what a callback raised."""


class SerialEngine:
    """An engine that several threads may ask: their calls are made one after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self.name = engine.name

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[[EngineOutput], None]) -> None:
        """Begin a batch; waits while all places are taken."""
        with self._lock:
            self._engine.submit(images_B1HW, deliver)

    def finish(self) -> None:
        """Wait until every batch has been delivered; raises what a callback raised."""
        with self._lock:
            self._engine.finish()
