"""Named starting points of a training run."""

from dataclasses import dataclass

from core.language import mark
from core.training.config import (
    ORIGINAL_STUDY,
    FineTuning,
    OptimizerName,
    Recipe,
    TrainingConfig,
)


@dataclass(frozen=True)
class Preset:
    """A config under a name, and what it is good for in a sentence."""

    title: str
    purpose: str
    config: TrainingConfig


PRESETS = {
    "quick_look": Preset(
        mark("Quick look"),
        mark(
            "Computes each image's features once with a frozen network, then trains a head on them: a first answer in "
            "minutes on any laptop."
        ),
        TrainingConfig(
            fine_tuning=FineTuning.FROZEN,
            recipe=Recipe.NONE,
            epochs=40,
            batch_size=64,
            learning_rate=3e-3,
            weight_decay=0.01,
            optimizer=OptimizerName.ADAMW,
            dropout=0.2,
        ),
    ),
    "original_study": Preset(
        mark("Original study"),
        mark("ResNet18 as in the study that this desk follows: Adam, balanced sampling, mild variation, ten epochs."),
        ORIGINAL_STUDY,
    ),
    "strong": Preset(
        mark("Strong"),
        mark(
            "All weights learn, on strongly varied images, with a moving average of the weights: how the bundled "
            "model was trained."
        ),
        TrainingConfig(recipe=Recipe.STRONG, ema_decay=0.99, label_smoothing=0.05),
    ),
}
