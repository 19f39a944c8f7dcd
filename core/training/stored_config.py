"""Configs as runs of any version recorded them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.errors import SettingsError
from core.language import tr
from core.training.config import TrainingConfig


@dataclass(frozen=True)
class StoredConfig:
    """A recorded config in today's terms, and the names of choices that no longer exist."""

    config: TrainingConfig
    ignored: tuple[str, ...]


def read_stored_config(document: Mapping[str, Any]) -> StoredConfig:
    """Return a recorded config; choices it does not name have their defaults, choices unknown here are left out.

    Raises SettingsError that names the choice whose recorded value no longer makes sense.
    """
    known = {name: value for name, value in document.items() if name in TrainingConfig.model_fields}
    try:
        config = TrainingConfig.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the config"
        raise SettingsError(
            tr(
                "The run's recorded config does not fit this version: {field}, {given!r}: {problem}.",
                field=name,
                given=first["input"],
                problem=first["msg"].lower(),
            )
        ) from error
    return StoredConfig(config, tuple(sorted(set(document) - set(known))))
