"""The tables of architectures and of tuning: what each network or setting costs and what it reaches."""

from collections.abc import Sequence
from typing import Any

from core.services.desk import Desk
from core.services.experiments.run_tables import RunTable, TableRow, differing_fields, run_table, spread_columns

ALWAYS = ("learning_rate", "batch_size", "dropout")


def _tuning_line(number: int, row: TableRow, fields: Sequence[str]) -> dict[str, Any]:
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


def architecture_table(
    desk: Desk, run_ids: Sequence[str], split: str | None = None, *, record: bool = True
) -> tuple[RunTable, list[dict[str, Any]]]:
    """Return the table and its lines, one for each network and recipe; raises PneumoDeskError."""
    table = run_table(desk, run_ids, split, record=record)
    return table, [_architecture_line(row) for row in table.rows]


def _architecture_line(row: TableRow) -> dict[str, Any]:
    cost, config = row.cost, row.config
    return {
        "architecture": config.get("architecture"),
        "first_weights": config.get("weights"),
        "image_size": config.get("image_size"),
        "epochs": row.num_epochs.mean,
        "num_runs": len(row.run_ids),
        "num_parameters": cost.num_parameters if cost else None,
        "megabytes": cost.weight_megabytes if cost else None,
        "gigaflops": cost.gigaflops if cost else None,
        "films_per_second": cost.films_per_second if cost else None,
        "training_seconds": row.training_seconds.mean,
        **spread_columns("accuracy", row.figures["accuracy"]),
        **spread_columns("recall", row.figures["sensitivity"]),
        **spread_columns("auc", row.figures["auc"]),
        "runs": " ".join(row.run_ids),
    }


def tuning_table(
    desk: Desk, run_ids: Sequence[str], split: str | None = None, *, record: bool = True
) -> tuple[RunTable, list[dict[str, Any]]]:
    """Return the table and its lines, one for each config apart from the seed; raises PneumoDeskError.

    The original study's three choices have a column always, any other in which the runs differ has one too.
    """
    table = run_table(desk, run_ids, split, record=record)
    fields = list(dict.fromkeys((*ALWAYS, *differing_fields(table))))
    return table, [_tuning_line(number, row, fields) for number, row in enumerate(table.rows, 1)]
