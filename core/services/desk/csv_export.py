"""Rows as CSV that a spreadsheet opens without running a formula: all tables that leave the desk are written here.

Tables that the desk reads back itself, such as saved splits, are not: their cells must stay as they are.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
DECIMALS = 6


def rows_to_csv(
    rows: Sequence[Mapping[Any, Any]], columns: Sequence[str] | None = None, *, decimals: int | None = DECIMALS
) -> str:
    """Return rows as CSV, with the columns named or those of the first row; nothing for no rows and no columns.

    Text that a spreadsheet would run as a formula is led by an apostrophe. Numbers have so many decimals, or with
    None as many as they have.
    """
    columns = columns if columns is not None else list(rows[0]) if rows else []
    stream = io.StringIO()
    if columns:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(row[name], decimals) for name in columns} for row in rows)
    return stream.getvalue()


def frame_to_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV without its index, text guarded as in `rows_to_csv`, numbers as they are."""
    texts = frame.select_dtypes(exclude=["number", "bool"])
    guarded = {str(name): column.astype(object).map(_guarded) for name, column in texts.items()}
    return frame.assign(**guarded).to_csv(index=False)


def _cell(value: Any, decimals: int | None) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return value if decimals is None else f"{value:.{decimals}f}"
    return value if isinstance(value, int) else _guarded(str(value))


def _guarded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = f"'{value}" if value.startswith(FORMULA_STARTS) else value
    # Both writers quote a line feed, and neither a carriage return, which would then end the row.
    return text.replace("\r\n", "\n").replace("\r", "\n")
