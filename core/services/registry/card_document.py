"""A model card as a document: sections of sentences and one table each."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.language import mark, tr
from core.settings import NOTICE

NOT_MEASURED = mark("Not measured.")


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One item of the card."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class ModelDocument:
    """A whole model card."""

    model: str
    is_active: bool
    sections: tuple[Section, ...]
    notice: str = NOTICE

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document."""
        return asdict(self)


def dataset_text(fingerprint: str | None, names: Mapping[str, str]) -> str:
    """Return what this desk calls a dataset, with the beginning of its fingerprint, which every desk knows it by."""
    if not fingerprint:
        return tr("not known")
    name = names.get(fingerprint) or tr("not on this desk")
    return f"{name} ({fingerprint[:12]})"
