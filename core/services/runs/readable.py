"""The free parts of a run's record, which may come from elsewhere: what is read of them has one shape, or is empty."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.reasons import say
from db import models as tables

MOST_EPOCHS = 1_000_000
Fraction = Annotated[float, Field(ge=0, le=1)]
Epochs = Annotated[int, Field(ge=0, le=MOST_EPOCHS)]


class _Part(BaseModel):
    # Nothing is converted: what is shown is what was stored, not what came of the check.
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _Figures(_Part):
    auc: Fraction | None = None
    accuracy: Fraction | None = None
    sensitivity: Fraction | None = None
    specificity: Fraction | None = None
    ci: dict[str, tuple[Fraction, Fraction] | None] = Field(default_factory=dict)


class _Summary(_Part):
    metrics: dict[str, _Figures] = Field(default_factory=dict)
    best_epoch: Epochs | None = None
    num_epochs: Epochs | None = None
    training_seconds: float | None = Field(default=None, ge=0)


class _Config(_Part):
    architecture: str | None = None
    seed: int | None = None
    epochs: Epochs | None = None


class _Environment(_Part):
    packages: dict[str, str] = Field(default_factory=dict)
    computing: list[dict[str, str]] = Field(default_factory=list)


_PARTS: dict[str, type[_Part]] = {"config": _Config, "environment": _Environment, "summary": _Summary}


@dataclass(frozen=True)
class ReadableRun:
    """The free parts of a run's record; one that cannot be read is empty, and `error` says why."""

    config: dict[str, Any]
    environment: dict[str, Any]
    summary: dict[str, Any]
    error: str | None


@dataclass(frozen=True)
class FailureWords:
    """Why a run ended before its end: its class, what happened, what to do next, and the end of its log then."""

    kind: str
    explanation: str
    next_step: str
    log: str = ""


def failure_in_words(run: tables.Run) -> FailureWords | None:
    """Return why a run failed or was lost, None where it did neither."""
    if not run.failure:
        return None
    next_step = say([run.failure["next_step"]]) or ""
    return FailureWords(run.failure["kind"], say(run.reasons) or "", next_step, run.failure.get("log", ""))


def readable(run: tables.Run) -> ReadableRun:
    """Return what can be shown of a stored run, whatever its record holds."""
    parts = {name: getattr(run, name) or {} for name in _PARTS}
    problems = {name: problem for name, part in parts.items() if (problem := problem_of(name, part))}
    said = say(run.reasons)
    sentences = [said] if said else []
    if problems:
        places = "; ".join(problems.values())
        sentences.append(f"This stored record cannot be read in full and is shown without these parts: {places}.")
    return ReadableRun(
        **{name: {} if name in problems else part for name, part in parts.items()}, error=" ".join(sentences) or None
    )


def problem_of(name: str, part: dict[str, Any]) -> str | None:
    """Return where and why the config, environment or summary of a run cannot be read, None where it can be."""
    try:
        _PARTS[name].model_validate_json(json.dumps(part))
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join((name, *map(str, first['loc'])))}: {first['msg'].lower()}"
    return None
