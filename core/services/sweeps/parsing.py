"""What a sweep varies, as people write it: `batch_size=16,32` or `learning_rate=1e-4..1e-2:log`."""

import re
from typing import Any, get_args

from pydantic import ValidationError

from core.errors import SettingsError
from core.language import tr
from core.services.sweeps.request import Scalar, SweepAxis, SweepRequest
from core.training.config import TrainingConfig

BOUNDS = re.compile(r"(?P<low>[^,:]+?)\.\.(?P<high>[^,:]+)(?P<log>:log)?")
MOST_SEEDS = 1000


def parse_axis(text: str) -> SweepAxis:
    """Return the choice and its values or bounds; raises SettingsError with an example."""
    field, has_values, values = (part.strip() for part in text.partition("="))
    field = field.replace("-", "_")
    if not has_values or not values:
        raise SettingsError(
            tr(
                "{given!r} does not say what to vary. Examples: batch_size=16,32 and learning_rate=1e-4..1e-2:log.",
                given=text,
            )
        )
    try:
        if bounds := BOUNDS.fullmatch(values):
            return SweepAxis(
                field=field, low=float(bounds["low"]), high=float(bounds["high"]), is_log=bool(bounds["log"])
            )
        return SweepAxis(field=field, values=tuple(_value(field, part.strip()) for part in values.split(",")))
    except ValidationError as error:
        raise SettingsError(f"{text}: {sentence_of(error)}") from error
    except ValueError as error:
        raise SettingsError(tr("{text}: {field} takes numbers.", text=text, field=field)) from error


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of `0,1,2` or `0..9`, each once; raises SettingsError."""
    seeds: list[int] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, is_range, last = part.partition("..")
        if not (first.isdecimal() and (last.isdecimal() or not is_range)):
            raise SettingsError(
                tr("{part!r} is no seed: give whole numbers from 0 on, as in 0,1,2 or 0..4.", part=part)
            )
        if is_range and int(last) - int(first) >= MOST_SEEDS:
            raise SettingsError(tr("{part} would be more than {most:,} seeds.", part=part, most=MOST_SEEDS))
        seeds += range(int(first), int(last) + 1) if is_range else [int(first)]
    return tuple(dict.fromkeys(seeds))


def make_axis(**asked: Any) -> SweepAxis:
    """Return a choice to vary; raises SettingsError in a sentence for what makes no sense."""
    try:
        return SweepAxis(**asked)
    except ValidationError as error:
        raise SettingsError(sentence_of(error)) from error


def make_request(**asked: Any) -> SweepRequest:
    """Return a sweep request; raises SettingsError in a sentence for what makes no sense."""
    try:
        return SweepRequest(**asked)
    except ValidationError as error:
        raise SettingsError(sentence_of(error)) from error


def sentence_of(error: ValidationError) -> str:
    """Return what is wrong with a sweep in one sentence."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    where = f"{str(first['loc'][0]).replace('_', ' ')}: " if first["loc"] else ""
    said = f"{where}{message}"
    return f"{said[0].upper()}{said[1:]}."


def _value(field: str, text: str) -> Scalar:
    info = TrainingConfig.model_fields.get(field)
    kinds = (info.annotation, *get_args(info.annotation)) if info is not None else ()
    if int in kinds:
        return int(text)
    return float(text) if float in kinds else text
