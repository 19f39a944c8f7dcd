"""Rows of work that name a process, as if it carried them out."""

from typing import Any

from core.runs.process_identity import ProcessIdentity


def name_process(row: Any, process: ProcessIdentity) -> None:
    """Write into a row that a process carries it out."""
    for column, value in process.columns().items():
        setattr(row, column, value)
