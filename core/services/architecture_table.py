"""The architectures table: what each network of a set of runs costs and what it reaches."""

from collections.abc import Sequence
from typing import Any

from core.services.desk import Desk
from core.services.run_tables import RunTable, TableRow, run_table, spread_columns


def architecture_table(
    desk: Desk, run_ids: Sequence[str], split: str | None = None
) -> tuple[RunTable, list[dict[str, Any]]]:
    """Return the table and its lines, one for each network and recipe; raises PneumoDeskError."""
    table = run_table(desk, run_ids, split)
    return table, [_line(row) for row in table.rows]


def _line(row: TableRow) -> dict[str, Any]:
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
