"""The tuning table: which choices a set of runs differs in, and what each reaches."""

from collections.abc import Sequence
from typing import Any

from core.services.desk import Desk
from core.services.run_tables import RunTable, TableRow, differing_fields, run_table, spread_columns

ALWAYS = ("learning_rate", "batch_size", "dropout")


def tuning_table(desk: Desk, run_ids: Sequence[str], split: str | None = None) -> tuple[RunTable, list[dict[str, Any]]]:
    """Return the table and its lines, one for each config apart from the seed; raises PneumoDeskError.

    The original study's three choices have a column always, any other in which the runs differ has one too.
    """
    table = run_table(desk, run_ids, split)
    fields = list(dict.fromkeys((*ALWAYS, *differing_fields(table))))
    return table, [_line(number, row, fields) for number, row in enumerate(table.rows, 1)]


def _line(number: int, row: TableRow, fields: Sequence[str]) -> dict[str, Any]:
    return {
        "number": number,
        **{name: row.config.get(name) for name in fields},
        "num_runs": len(row.run_ids),
        "training_seconds": row.training_seconds.mean,
        **spread_columns("accuracy", row.figures["accuracy"]),
        **spread_columns("recall", row.figures["sensitivity"]),
        **spread_columns("f1", row.figures["f1"]),
        **spread_columns("auc", row.figures["auc"]),
        "runs": " ".join(row.run_ids),
    }
