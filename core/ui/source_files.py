"""Script, style and markup of the browser's side of a component, kept in files of their own beside its Python."""

from collections.abc import Sequence
from pathlib import Path


def read_joined(folder: Path, names: Sequence[str]) -> str:
    """Return the text of several files as one, since a component takes one script without imports."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
