"""Sweeps that are ready to start: the original study's tables, and seeds of one config."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.language import mark
from core.model.catalogue import Architecture
from core.services.sweeps.parsing import make_request
from core.services.sweeps.request import Row, SweepKind, SweepRequest, SweepSetting
from core.training.config import ORIGINAL_STUDY, TrainingConfig


class ReadySweep(StrEnum):
    """The sweeps that need nothing but a dataset."""

    ORIGINAL_TUNING = "original_tuning"
    ARCHITECTURES = "architectures"
    FIVE_SEEDS = "five_seeds"


@dataclass(frozen=True)
class ReadyMade:
    """A sweep without its dataset, and what it is good for in a sentence."""

    title: str
    purpose: str
    kind: SweepKind
    base: TrainingConfig
    rows: tuple[Row, ...] = ()
    seeds: tuple[int, ...] = ()

    def request(
        self, data: Path, base: TrainingConfig | None = None, seeds: tuple[int, ...] = (), split: str = ""
    ) -> SweepRequest:
        """Return the sweep on a dataset, with another base or other seeds if given; raises SettingsError."""
        return make_request(
            data=data,
            split=split,
            name=self.title,
            kind=self.kind,
            base=base or self.base,
            rows=self.rows,
            seeds=seeds or self.seeds,
        )


def _row(**values: float | str) -> Row:
    return tuple(SweepSetting(field=field, value=value) for field, value in values.items())


READY_SWEEPS = {
    ReadySweep.ORIGINAL_TUNING: ReadyMade(
        mark("Original study: tuning"),
        mark("The five settings of learning rate, batch size and dropout that the original study lists."),
        SweepKind.ROWS,
        ORIGINAL_STUDY,
        rows=(
            _row(learning_rate=0.01, batch_size=64, dropout=0.3),
            _row(learning_rate=0.001, batch_size=128, dropout=0.5),
            _row(learning_rate=0.0001, batch_size=128, dropout=0.5),
            _row(learning_rate=0.001, batch_size=32, dropout=0.5),
            _row(learning_rate=0.001, batch_size=128, dropout=0.7),
        ),
    ),
    ReadySweep.ARCHITECTURES: ReadyMade(
        mark("Original study: architectures"),
        mark("The five networks that the original study compares, and EfficientNet-Lite0, all in one recipe."),
        SweepKind.ROWS,
        ORIGINAL_STUDY,
        rows=tuple(
            _row(architecture=name.value)
            for name in (
                Architecture.RESNET18,
                Architecture.RESNET34,
                Architecture.DENSENET121,
                Architecture.VGG16,
                Architecture.MOBILENET_V2,
                Architecture.EFFICIENTNET_LITE0,
            )
        ),
    ),
    ReadySweep.FIVE_SEEDS: ReadyMade(
        mark("Several seeds"),
        mark("One config with several seeds: how far results spread by chance alone."),
        SweepKind.SEEDS,
        TrainingConfig(),
        seeds=(0, 1, 2, 3, 4),
    ),
}
