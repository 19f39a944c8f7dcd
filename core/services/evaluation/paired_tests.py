"""Paired tests of two models or runs on the same images, and which settings differ between runs."""

from collections.abc import Sequence
from typing import Any


def differing_fields(configs: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the fields in which configs differ, with the value of each."""
    names = sorted({name for config in configs for name in config})
    values = {name: tuple(config.get(name) for config in configs) for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}
