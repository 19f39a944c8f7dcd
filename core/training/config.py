"""What a training run is asked to do: one frozen document, importable without torch."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.language import mark, tr
from core.model.catalogue import Architecture, WeightsSource

MOST_RUNS = 16
"""Of which the mean of the weights is taken."""


class Recipe(StrEnum):
    """How training images are varied."""

    ORIGINAL = "original"
    STRONG = "strong"
    WHOLE = "whole"
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
    FP16 = "fp16"


class FineTuning(StrEnum):
    """Which weights a run changes."""

    FULL = "full"
    HEAD_FIRST = "head_first"
    FROZEN = "frozen"


class Selection(StrEnum):
    """Which epoch's weights become the checkpoint."""

    LOWEST_LOSS = "lowest_validation_loss"
    HIGHEST_AUC = "highest_validation_auc"
    LAST = "last"


class Group(StrEnum):
    """Under which heading a choice is in a form."""

    NETWORK = "Network"
    OPTIMISATION = "Optimisation"
    FILMS = "Images"
    COMPUTING = "Computing"
    JUDGING = "Evaluation and stopping"


def choice(default: Any, group: Group, description: str, unit: str = "", **bounds: Any) -> Any:
    """Return the field of one choice: its default, its heading, what it means, its unit and its bounds."""
    return Field(
        default=default, description=description, json_schema_extra={"group": group.value, "unit": unit}, **bounds
    )


class TrainingConfig(BaseModel):
    """Every choice of a training run; its fields make the form, the command line and the documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Architecture = choice(Architecture.EFFICIENTNET_LITE0, Group.NETWORK, mark("The network."))
    weights: WeightsSource = choice(
        WeightsSource.AUTO,
        Group.NETWORK,
        mark(
            "First weights: torchvision's download, the installed package (efficientnet_lite0 only), a file, finished "
            "runs of this desk, or none; auto takes the package where it has them, else the download."
        ),
    )
    weights_file: Path | None = choice(
        None,
        Group.NETWORK,
        mark(
            "The weights file, where weights is `file`: .safetensors, or .pth with only a state dict. Of a model of "
            "this desk, its head is reused too."
        ),
    )
    average_of: str = choice(
        "",
        Group.NETWORK,
        mark(
            "Where weights is `runs`: finished runs of the same network and split, by id with commas between. "
            "Training continues from one, or from the mean of several runs' weights, which often holds up better than "
            "each of them."
        ),
    )
    fine_tuning: FineTuning = choice(
        FineTuning.FULL,
        Group.NETWORK,
        mark(
            "Which weights change: all of them; for the first epochs only the head, then all; or never any but the "
            "head (frozen: each image's features are computed once, which is fast)."
        ),
    )
    head_epochs: int = choice(
        1, Group.NETWORK, mark("With head_first, the epochs in which only the head learns."), "epochs", ge=1, le=100
    )
    dropout: float = choice(
        0.3, Group.NETWORK, mark("Share of the embedding that is dropped before the head while training."), ge=0, lt=1
    )
    recipe: Recipe = choice(
        Recipe.STRONG,
        Group.FILMS,
        mark(
            "How training images are varied: as in the original study; strongly (random crops, grey values, noise, "
            "re-encoding); whole (as strongly, but showing most of the image, as it is read later: to start from "
            "weights that were trained strongly); or not at all."
        ),
    )
    balancing: Balancing = choice(
        Balancing.SAMPLER,
        Group.FILMS,
        mark("How the rarer class is made to count: drawn more often, weighted in the loss, or not at all."),
    )
    image_size: int = choice(224, Group.FILMS, mark("Side of the square input."), "pixels", ge=32, le=1024)
    epochs: int = choice(6, Group.OPTIMISATION, mark("Passes over the training images."), "epochs", ge=1, le=1000)
    batch_size: int = choice(32, Group.OPTIMISATION, mark("Images in one step."), "images", ge=2, le=1024)
    learning_rate: float = choice(1e-3, Group.OPTIMISATION, mark("Highest learning rate of the run."), gt=0, le=10)
    optimizer: OptimizerName = choice(
        OptimizerName.ADAMW,
        Group.OPTIMISATION,
        mark("Which optimiser takes the steps; sgd has a Nesterov momentum of 0.9."),
    )
    schedule: Schedule = choice(Schedule.COSINE, Group.OPTIMISATION, mark("How the learning rate moves over the run."))
    warmup_fraction: float = choice(
        0.05,
        Group.OPTIMISATION,
        mark("Share of the run in which the learning rate rises (cosine and one_cycle)."),
        ge=0,
        le=0.5,
    )
    weight_decay: float = choice(0.01, Group.OPTIMISATION, mark("Pull of the weights towards zero."), ge=0, le=1)
    label_smoothing: float = choice(
        0.0, Group.OPTIMISATION, mark("How far the targets are moved off 0 and 1."), ge=0, lt=0.5
    )
    ema_decay: float = choice(
        0.0,
        Group.OPTIMISATION,
        mark("Decay of the moving average of the weights, per step; 0 keeps none."),
        ge=0,
        lt=1,
    )
    device: str = choice(
        "auto",
        Group.COMPUTING,
        mark(
            "Where the run computes: auto (what PNEUMODESK_DEVICE says, else a GPU if there is one), cpu, cuda, "
            "cuda:N, mps."
        ),
    )
    devices: int = choice(
        1,
        Group.COMPUTING,
        mark("Devices that share each batch of the run: GPUs of this machine, or processes on its processor."),
        "devices",
        ge=1,
        le=16,
    )
    precision: Precision = choice(
        Precision.AUTO,
        Group.COMPUTING,
        mark("Number format; auto takes bf16 where the processor computes in it, else fp32; fp16 scales the loss."),
    )
    workers: int = choice(
        0,
        Group.COMPUTING,
        mark(
            "Threads that prepare the next batches while one is computed; 0 prepares each when it is needed. The "
            "result is the same with any number."
        ),
        "threads",
        ge=0,
        le=64,
    )
    early_stopping_patience: int = choice(
        0,
        Group.JUDGING,
        mark("Epochs without a better validation loss before the run ends; 0 never ends early."),
        "epochs",
        ge=0,
        le=1000,
    )
    selection: Selection = choice(
        Selection.LOWEST_LOSS, Group.JUDGING, mark("Which epoch's weights become the checkpoint.")
    )
    validation_fraction: float = choice(
        0.1, Group.JUDGING, mark("Fraction of patients in the validation set."), gt=0, lt=0.5
    )
    calibration_fraction: float = choice(
        0.1, Group.JUDGING, mark("Share of the patients that fits probabilities and the threshold."), gt=0, lt=0.5
    )
    holdout_fraction: float = choice(
        0.0,
        Group.JUDGING,
        mark("Fraction of patients held out of everything, as an internal test set beside the test images."),
        ge=0,
        lt=0.5,
    )
    seed: int = choice(0, Group.COMPUTING, mark("Seed of everything random in the run."), ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _weights_file_goes_with_its_source(self) -> Self:
        if (self.weights is WeightsSource.FILE) != (self.weights_file is not None):
            raise ValueError(tr("weights `file` and a weights file go together: give both or neither"))
        return self

    @property
    def first_runs(self) -> tuple[str, ...]:
        """The runs whose weights' mean a run begins with, by id."""
        return tuple(part.strip() for part in self.average_of.split(",") if part.strip())

    @model_validator(mode="after")
    def _runs_go_with_their_source(self) -> Self:
        if (self.weights is WeightsSource.RUNS) != bool(self.first_runs):
            raise ValueError(tr("weights `runs` and the runs to begin with go together: give both or neither"))
        if not all(re.fullmatch(r"[0-9a-z]{1,32}", run) for run in self.first_runs) or len(self.first_runs) > MOST_RUNS:
            raise ValueError(tr("name at most {most} runs by their ids, with commas between", most=MOST_RUNS))
        return self

    @model_validator(mode="after")
    def _frozen_features_are_of_unvaried_films(self) -> Self:
        if self.fine_tuning is FineTuning.FROZEN and self.recipe is not Recipe.NONE:
            raise ValueError(
                tr(
                    "frozen features are computed once, from images as they are: choose recipe `none` with "
                    "fine_tuning `frozen`"
                )
            )
        return self

    @model_validator(mode="after")
    def _several_devices_share_batches(self) -> Self:
        if self.devices == 1:
            return self
        if self.fine_tuning is FineTuning.FROZEN:
            raise ValueError(tr("a frozen network's features are computed on one device: choose 1 device"))
        if self.batch_size < 2 * self.devices:
            raise ValueError(
                tr(
                    "{num_devices} devices need a batch of at least {least_images} images to share",
                    num_devices=self.devices,
                    least_images=2 * self.devices,
                )
            )
        if self.device == "mps" or ":" in self.device:
            raise ValueError(tr("{device} is one device: choose auto, cpu or cuda for several", device=self.device))
        return self

    @model_validator(mode="after")
    def _device_is_a_kind_of_device(self) -> Self:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", self.device):
            raise ValueError(
                tr(
                    "there is no kind of device called {device!r}: use auto, cpu, cuda, cuda:N or mps",
                    device=self.device,
                )
            )
        return self


SPLIT_FIELDS = ("validation_fraction", "calibration_fraction", "holdout_fraction")
"""What a split that was saved decides in place of the config."""
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
