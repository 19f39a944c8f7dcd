"""What every command does with its output: one JSON document or tables on stdout, progress on stderr."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.table import Table

from core.cli.column_words import column_in_words
from core.errors import PneumoDeskError
from core.language import tr
from core.progress import Progress, mean_seconds
from core.result_words import stage_in_words

SECONDS_BETWEEN_LINES = 10.0
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Write one JSON document to standard output; what is not a number becomes null."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_table(rows: Sequence[Mapping[Any, Any]], columns: Sequence[str], empty: str) -> None:
    """Write rows as a table, or the sentence that says why there are none."""
    console = Console(highlight=False)
    if not rows:
        console.print(empty, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column_in_words(column), overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    console.print(table, markup=False)


def print_sentence(sentence: str) -> None:
    """Write a sentence to standard error, where it does not mix with a result."""
    ERRORS.print(sentence, markup=False)


@contextmanager
def progress_bar() -> Iterator["ProgressBar | ProgressLines"]:
    """Yield what shows progress on standard error: a bar in a terminal, now and then a line elsewhere."""
    if not ERRORS.is_terminal:
        yield ProgressLines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=ERRORS) as bars:
        yield ProgressBar(bars)


class ProgressBar:
    """One bar for each stage, with the time it took and the time left."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, now: Progress) -> None:
        """Move a stage's bar."""
        if now.stage not in self._tasks:
            self._tasks[now.stage] = self._bars.add_task(stage_in_words(now.stage), total=now.num_all)
        stage = stage_in_words(now.stage)
        description = f"{stage} ({now.detail})" if now.detail else stage
        self._bars.update(self._tasks[now.stage], completed=now.num_done, total=now.num_all, description=description)


class ProgressLines:
    """A line at a stage's beginning, at its end, and every ten seconds between, for logs."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._said = 0.0

    def show(self, now: Progress) -> None:
        """Write how far a stage is, if it is time to."""
        time = monotonic()
        began = self._began.setdefault(now.stage, time)
        if time - self._said < SECONDS_BETWEEN_LINES and began != time and now.num_done < now.num_all:
            return
        self._said = time
        left = replace(now, seconds_each=mean_seconds(time - began, now.num_done)).seconds_left
        stage = stage_in_words(now.stage)
        said = tr("{stage}: {num_done} of {num_all}", stage=stage, num_done=now.num_done, num_all=now.num_all)
        parts = [said, *([tr("about {seconds:.0f} s left", seconds=left)] if left else [])]
        print_sentence(", ".join(parts) + (f" ({now.detail})" if now.detail else ""))


def write_text(path: Path, text: str) -> None:
    """Write a text to a file, whose folder is made; raises PneumoDeskError in a sentence."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise PneumoDeskError(
            tr(
                "{path} cannot be written: {strerror}. What it was made of is kept on the desk.",
                path=path,
                strerror=error.strerror,
            )
        ) from error


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
