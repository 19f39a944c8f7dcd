"""What a training run is asked to do: one frozen document, importable without torch."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.model.catalogue import Architecture, WeightsSource


class Recipe(StrEnum):
    """How training films are varied."""

    ORIGINAL = "original"
    STRONG = "strong"
    NONE = "none"


class Balancing(StrEnum):
    """How the rarer class is made to count."""

    SAMPLER = "sampler"
    CLASS_WEIGHTS = "class_weights"
    NONE = "none"


class OptimizerName(StrEnum):
    """Which optimiser takes the steps."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate moves over the run."""

    CONSTANT = "constant"
    COSINE = "cosine"
    ONE_CYCLE = "one_cycle"


class Precision(StrEnum):
    """Number format of the forward and backward pass."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


class Selection(StrEnum):
    """Which epoch's weights become the checkpoint."""

    LOWEST_LOSS = "lowest_validation_loss"
    HIGHEST_AUC = "highest_validation_auc"
    LAST = "last"


class TrainingConfig(BaseModel):
    """Every choice of a training run; its fields make the form, the command line and the documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Architecture = Field(Architecture.EFFICIENTNET_LITE0, description="The network.")
    weights: WeightsSource = Field(
        WeightsSource.AUTO, description="First weights: torchvision's download, the installed package, a file, or none."
    )
    weights_file: Path | None = Field(None, description="The weights file, where weights is `file`.")
    recipe: Recipe = Field(Recipe.STRONG, description="How training films are varied.")
    epochs: int = Field(6, ge=1, le=1000, description="Passes over the training films.")
    batch_size: int = Field(32, ge=2, le=1024, description="Films in one step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Highest learning rate of the run.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="Pull of the weights towards zero.")
    optimizer: OptimizerName = Field(OptimizerName.ADAMW, description="Which optimiser takes the steps.")
    schedule: Schedule = Field(Schedule.COSINE, description="How the learning rate moves over the run.")
    warmup_fraction: float = Field(
        0.05, ge=0, le=0.5, description="Share of the run in which the learning rate rises (cosine and one-cycle)."
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of the embedding that is dropped before the head.")
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="How far the targets are moved off 0 and 1.")
    balancing: Balancing = Field(Balancing.SAMPLER, description="How the rarer class is made to count.")
    image_size: int = Field(224, ge=32, le=1024, description="Side of the square input, in pixels.")
    precision: Precision = Field(
        Precision.AUTO, description="Number format; auto takes bf16 where the processor computes in it."
    )
    ema_decay: float = Field(
        0.0, ge=0, lt=1, description="Decay of the moving average of the weights, per step; 0 keeps none."
    )
    early_stopping_patience: int = Field(
        0, ge=0, le=1000, description="Epochs without a better validation loss before the run ends; 0 never ends early."
    )
    selection: Selection = Field(Selection.LOWEST_LOSS, description="Which epoch's weights become the checkpoint.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of everything random in the run.")
    validation_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share of the patients that judges each epoch.")
    calibration_fraction: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the patients that fits probabilities and the threshold."
    )

    @model_validator(mode="after")
    def _weights_file_goes_with_its_source(self) -> Self:
        if (self.weights is WeightsSource.FILE) != (self.weights_file is not None):
            raise ValueError("weights `file` and a weights file go together: give both or neither")
        return self


ORIGINAL_STUDY = TrainingConfig(
    architecture=Architecture.RESNET18,
    recipe=Recipe.ORIGINAL,
    epochs=10,
    batch_size=128,
    learning_rate=1e-3,
    weight_decay=0.0,
    optimizer=OptimizerName.ADAM,
    schedule=Schedule.CONSTANT,
    warmup_fraction=0.0,
    dropout=0.5,
)
"""The original study's run: ResNet18, Adam at 0.001, batch 128, dropout 0.5, ten epochs, balanced sampling."""
