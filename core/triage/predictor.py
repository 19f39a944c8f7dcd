"""A model with all that turns an image into a result."""

from dataclasses import dataclass

from core.evaluation.operating_point import OperatingPoint
from core.model.checkpoint import Checkpoint
from core.model.ensemble import Ensemble
from core.triage.gate import Gate
from core.triage.inference import Engine


@dataclass(frozen=True)
class Predictor:
    """A model ready to analyse images: its engine, gate, calibration and operating point."""

    checkpoint: Checkpoint | Ensemble
    engine: Engine
    gate: Gate | None
    operating_point: OperatingPoint

    @property
    def image_size(self) -> int:
        """Side of the network's square input, in pixels."""
        return self.checkpoint.card.preprocessing.image_size
