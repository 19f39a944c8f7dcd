"""What every command does with its output: one JSON document or tables on stdout, progress on stderr."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Write one JSON document to standard output; what is not a number becomes null."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
    """Write rows as a table, or the sentence that says why there are none."""
    console = Console(highlight=False)
    if not rows:
        console.print(empty, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    console.print(table, markup=False)


def print_sentence(sentence: str) -> None:
    """Write a sentence to standard error, where it does not mix with a result."""
    ERRORS.print(sentence, markup=False)


@contextmanager
def progress_bar() -> Iterator["ProgressBar"]:
    """Yield a bar on standard error with time left; it writes nothing where standard error is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERRORS) as progress:
        yield ProgressBar(progress)


class ProgressBar:
    """One line that moves from stage to stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def show(self, stage: str, num_done: int, num_all: int, detail: str = "") -> None:
        """Move a stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=num_all)
        description = f"{stage} ({detail})" if detail else stage
        self._progress.update(self._tasks[stage], completed=num_done, total=num_all, description=description)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
