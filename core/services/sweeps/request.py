"""What a sweep is asked to do: one frozen document, and the configs that it means."""

import itertools
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.language import mark, tr
from core.services.runs.requests import TrainRequest
from core.training.config import SPLIT_FIELDS, TrainingConfig

MOST_TRIALS = 1000
Scalar = bool | int | float | str


class SweepKind(StrEnum):
    """How the runs of a sweep come about."""

    GRID = "grid"
    ROWS = "rows"
    SEEDS = "seeds"
    SEARCH = "search"


class Objective(StrEnum):
    """By which figure of the kept epoch runs are ranked; each is measured on validation images."""

    AUC = "validation_auc"
    LOSS = "validation_loss"
    ACCURACY = "validation_accuracy"

    @property
    def is_better_when_lower(self) -> bool:
        """Whether less is better."""
        return self is Objective.LOSS


class Pruning(StrEnum):
    """When a search gives a run up before its last epoch."""

    NONE = "none"
    MEDIAN = "median"
    HYPERBAND = "hyperband"


class SweepSetting(BaseModel):
    """One choice and its value."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: Scalar


class SweepAxis(BaseModel):
    """One choice that a sweep varies: over values, or in a search between two bounds."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description=mark("The name of a choice of a run."))
    values: tuple[Scalar, ...] = Field(default=(), max_length=200, description=mark("The values to try."))
    low: float | None = Field(default=None, description=mark("The least value of a search."))
    high: float | None = Field(default=None, description=mark("The greatest value of a search."))
    is_log: bool = Field(default=False, description=mark("Whether a search draws orders of magnitude evenly."))

    @model_validator(mode="after")
    def _varies_a_choice(self) -> Self:
        if self.field not in TrainingConfig.model_fields or self.field == "seed":
            raise ValueError(
                tr("a sweep cannot vary {field!r}: name a choice of a run; seeds are given as seeds", field=self.field)
            )
        if bool(self.values) == self.is_range:
            raise ValueError(tr("give {field} either values or a least and a greatest value", field=self.field))
        if len(set(map(str, self.values))) < len(self.values):
            raise ValueError(tr("{field} names a value twice", field=self.field))
        return self._has_sensible_bounds()

    def _has_sensible_bounds(self) -> Self:
        if not self.is_range:
            return self
        if TrainingConfig.model_fields[self.field].annotation not in (int, float):
            raise ValueError(tr("{field} is no number, so it has no bounds: list the values to try", field=self.field))
        if self.low is None or self.high is None or not self.low < self.high:
            raise ValueError(tr("the least value of {field} must be below the greatest", field=self.field))
        if self.is_log and self.low <= 0:
            raise ValueError(tr("orders of magnitude of {field} begin above 0", field=self.field))
        return self

    @property
    def is_range(self) -> bool:
        """Whether it lies between bounds."""
        return self.low is not None or self.high is not None

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers make sense."""
        return TrainingConfig.model_fields[self.field].annotation is int


Row = tuple[SweepSetting, ...]


class SweepRequest(BaseModel):
    """What one sweep is asked to do, and on what."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description=mark("The folder of the dataset."))
    name: str = Field(
        default="", max_length=200, description=mark("A name for the sweep; derived from what it varies if empty.")
    )
    split: str = Field(
        default="", description=mark("The name of a saved split of all runs; drawn by their own shares if empty.")
    )
    kind: SweepKind
    base: TrainingConfig = Field(default=TrainingConfig(), description=mark("What all runs have in common."))
    axes: tuple[SweepAxis, ...] = Field(default=(), max_length=8, description=mark("What a grid or a search varies."))
    rows: tuple[Row, ...] = Field(
        default=(), max_length=MOST_TRIALS, description=mark("The runs of a sweep of listed rows.")
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(
        default=(),
        max_length=MOST_TRIALS,
        description=mark("Each config is run once with each seed; the base's own if empty."),
    )
    num_trials: int = Field(default=20, ge=1, le=MOST_TRIALS, description=mark("How many runs a search makes."))
    num_at_once: int = Field(
        default=1, ge=1, le=64, description=mark("How many runs of a search wait or continue at a time.")
    )
    objective: Objective = Field(default=Objective.AUC, description=mark("What a run of the sweep is evaluated by."))
    pruning: Pruning = Field(
        default=Pruning.MEDIAN, description=mark("When a search stops an unpromising run before its end.")
    )

    @model_validator(mode="after")
    def _asks_for_what_its_kind_needs(self) -> Self:
        if self.kind in (SweepKind.GRID, SweepKind.SEARCH) and not self.axes:
            raise ValueError(tr("a {kind} varies at least one choice: name it, with its values", kind=self.kind))
        if self.kind is SweepKind.ROWS and not self.rows:
            raise ValueError(tr("a sweep of listed rows needs at least one row"))
        if self.kind is SweepKind.SEEDS and not self.seeds:
            raise ValueError(tr("a sweep of seeds needs the seeds"))
        if len({axis.field for axis in self.axes}) < len(self.axes):
            raise ValueError(tr("a choice is varied twice: name each once"))
        if self.kind is SweepKind.SEARCH and self.seeds:
            raise ValueError(tr("a search runs with the one seed of its base: run its best config again with several"))
        varied = {axis.field for axis in self.axes} | {one.field for row in self.rows for one in row}
        if self.split and varied & set(SPLIT_FIELDS):
            raise ValueError(
                tr("all runs are on the split {split!r}, so its shares cannot be varied", split=self.split)
            )
        return self._makes_sensible_runs()

    def _makes_sensible_runs(self) -> Self:
        if self.kind is SweepKind.SEARCH:
            for axis in self.axes:
                for value in (axis.low, axis.high) if axis.is_range else axis.values:
                    _allowed_value(axis, value)
            return self
        if any(axis.is_range for axis in self.axes):
            raise ValueError(tr("a grid needs the values of each choice; bounds are for a search"))
        if self.num_runs > MOST_TRIALS:
            raise ValueError(
                tr(
                    "that would be {num_runs:,} runs, more than {most:,}: vary less",
                    num_runs=self.num_runs,
                    most=MOST_TRIALS,
                )
            )
        for row in self.expanded():
            self.config_of(row)
        return self

    @property
    def num_runs(self) -> int:
        """How many runs the sweep will have."""
        if self.kind is SweepKind.SEARCH:
            return self.num_trials
        num_configs = len(self.rows) if self.kind is SweepKind.ROWS else 1
        if self.kind is SweepKind.GRID:
            for axis in self.axes:
                num_configs *= len(axis.values)
        return num_configs * max(1, len(dict.fromkeys(self.seeds)))

    def expanded(self) -> tuple[Row, ...]:
        """Return what each run of a grid, of rows or of seeds has of its own; the last axis varies fastest, then seeds.

        A search has none: what its runs are is asked for while it runs.
        """
        if self.kind is SweepKind.SEARCH:
            return ()
        rows: list[Row] = list(self.rows) if self.kind is SweepKind.ROWS else [()]
        if self.kind is SweepKind.GRID:
            by_axis = [[SweepSetting(field=axis.field, value=value) for value in axis.values] for axis in self.axes]
            rows = list(itertools.product(*by_axis))
        if not self.seeds:
            return tuple(rows)
        seeds = dict.fromkeys(self.seeds)
        return tuple((*row, SweepSetting(field="seed", value=seed)) for row in rows for seed in seeds)

    def config_of(self, row: Row) -> TrainingConfig:
        """Return the config of a run with settings of its own; raises ValueError that names settings that clash."""
        own = {setting.field: setting.value for setting in row}
        try:
            return TrainingConfig.model_validate({**self.base.model_dump(mode="json"), **own})
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(
                tr("with {words_of}: {message}", words_of=words_of(row) or tr("the base"), message=message)
            ) from error


def words_of(row: Row) -> str:
    """Return settings as people read them."""
    return ", ".join(f"{setting.field.replace('_', ' ')} {_plain(setting.value)}" for setting in row)


def _plain(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _allowed_value(axis: SweepAxis, value: Scalar | None) -> None:
    """Raise ValueError if a value is out of its choice's bounds, whatever the other choices are."""
    try:
        TrainingConfig.model_validate({axis.field: int(value or 0) if axis.is_range and axis.is_whole else value})
    except ValidationError as error:
        for problem in error.errors():
            if problem["loc"]:
                raise ValueError(f"{axis.field} {value}: {problem['msg'].lower()}") from error


def trial_request(request: SweepRequest, row: Row) -> TrainRequest:
    """Return what the run of a sweep with settings of its own is asked to do."""
    own = words_of(row)
    return TrainRequest(
        data=request.data,
        split=request.split,
        name=f"{request.name}: {own}" if own else request.name,
        config=request.config_of(row),
    )
