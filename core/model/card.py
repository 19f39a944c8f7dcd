"""The model card: everything about a checkpoint that is not its weights, as one frozen document."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.evaluation.calibration import PlattScaling
from core.evaluation.metrics import EvaluationReport
from core.evaluation.operating_point import OperatingPoint
from core.language import mark
from core.model.catalogue import CLASSES, Architecture
from core.model.ensemble_recipe import EnsembleRecipe

CARD_FORMAT = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preprocessing(_Frozen):
    """How an image becomes the network's input; the mean and standard deviation are applied inside the network."""

    image_size: int = Field(default=224, ge=32, le=1024, description=mark("Side of the square input, in pixels."))
    resize: str = Field(
        default="bilinear, antialiased, aspect not kept", description=mark("How an image is brought to that size.")
    )
    range: tuple[float, float] = Field(
        default=(0.0, 1.0), description=mark("Range of the grey values handed to the network.")
    )
    mean: tuple[float, ...] = Field(description=mark("Channel means taken off inside the network."))
    std: tuple[float, ...] = Field(description=mark("Channel standard deviations divided by inside the network."))


class GateReport(_Frozen):
    """How far a picture may lie from the training images, and how well that stops pictures that are no chest images."""

    threshold: float = Field(description=mark("Largest distance at which a picture is read."))
    rule: str = Field(description=mark("How the threshold was chosen."))
    num_validation: int = Field(ge=0, description=mark("Validation images that chose the threshold."))
    validation_stopped: float = Field(
        ge=0, le=1, description=mark("Share of the validation images that the gate stops.")
    )
    roc: dict[str, Any] | None = Field(
        default=None, description=mark("Measured on real pictures that are no chest images.")
    )


class ModelCard(_Frozen):
    """What a checkpoint is, what it was made from and how it may be used."""

    format: int = Field(default=CARD_FORMAT, description=mark("Version of this document's layout."))
    name: str = Field(description=mark("The name it is called by."))
    architecture: Architecture
    dropout: float = Field(default=0.5, ge=0, lt=1)
    classes: tuple[str, str] = CLASSES
    preprocessing: Preprocessing
    weights_hash: str = Field(
        default="", description=mark("SHA-256 of weights.safetensors, of ensemble.json for an ensemble.")
    )
    extras_hash: str = Field(default="", description=mark("SHA-256 of gate.safetensors, empty where there is none."))
    run_id: str | None = Field(default=None, description=mark("The run that made it."))
    config: dict[str, Any] = Field(default_factory=dict, description=mark("The TrainingConfig of that run."))
    cohort_fingerprint: str | None = None
    split_fingerprint: str | None = None
    calibration: PlattScaling = PlattScaling(slope=1.0, intercept=0.0)
    operating_point: OperatingPoint | None = None
    gate: GateReport | None = None
    metrics: dict[str, EvaluationReport] = Field(
        default_factory=dict, description=mark("Reports by fold; never of the test split.")
    )
    ensemble: EnsembleRecipe | None = Field(
        default=None, description=mark("The members and how they vote, for an ensemble.")
    )
    origin: str = Field(default="", description=mark("Where the first weights came from, and their licence."))
    intended_use: str = ""
    limits: tuple[str, ...] = ()
    computing: dict[str, str] = Field(
        default_factory=dict,
        description=mark("Device, number format, threads, GPU and libraries of the last session."),
    )
    code_version: str = ""
    created_at: datetime | None = None
