"""Runs as CSV (one line a run) or JSON (everything but single predictions), and one run's predictions as CSV."""

from collections.abc import Sequence
from typing import Any

from core.services.desk import Desk
from core.services.desk.csv_export import rows_to_csv
from core.services.evaluation.stored_results import load_evaluation
from core.services.evaluation.training_overlap import TrainingOverlaps
from core.services.experiments.history import HistoryQuery, RunLine, search_runs
from core.services.runs.listing import show_run

MOST_RUNS = 2000
FIGURES = ("auc", "accuracy", "sensitivity", "specificity")


def runs_to_csv(lines: Sequence[RunLine]) -> str:
    """Return one line a run: what it is, its validation figures, and a column for every config field."""
    fields = sorted({name for line in lines for name in line.config})
    rows = []
    for line in lines:
        low, high = line.auc_interval or (None, None)
        rows.append(
            {
                "id": line.id,
                "name": line.name,
                "state": line.state,
                **{f"validation_{figure}": getattr(line, figure) for figure in FIGURES},
                "validation_auc_low": low,
                "validation_auc_high": high,
                "num_epochs": line.num_epochs,
                "created_at": line.created_at.isoformat(),
                "finished_at": line.finished_at.isoformat() if line.finished_at else "",
                "starred": line.starred,
                "tags": ", ".join(line.tags),
                "note": line.note,
                "cohort_fingerprint": line.cohort_fingerprint,
                "checkpoint_hash": line.checkpoint_hash or "",
                "error": line.error or "",
                **{f"config.{name}": line.config.get(name, "") for name in fields},
            }
        )
    return rows_to_csv(rows, decimals=None)


def predictions_to_csv(desk: Desk, checkpoint_hash: str, split: str) -> str:
    """Return one line an image of a split: label, patient, logit, calibrated probability, whether it is a training
    image.

    Images that may not select count as looked at. Raises EvaluationError where no predictions are kept.
    """
    predicted = load_evaluation(desk, checkpoint_hash, split, occasion="exported").predicted
    films, learnt = predicted.films, TrainingOverlaps(desk).files(predicted)
    trained = ["not known" if learnt is None else "yes" if file in learnt else "no" for file in films.files]
    said = (predicted.logits_N, predicted.probabilities, trained)
    columns = zip(films.files, films.labels_N, films.patients, *said, strict=True)
    names = ("file", "label", "patient", "logit", "probability", "training_image")
    rows = [dict(zip(names, map(_plain, row), strict=True)) for row in columns]
    return rows_to_csv(rows, names, decimals=None)


def export_runs(desk: Desk, query: HistoryQuery | None = None) -> list[dict[str, Any]]:
    """Return everything about the runs that a query finds, epochs, notes and tags included."""
    query = (query or HistoryQuery()).model_copy(update={"limit": MOST_RUNS})
    return [
        {**show_run(desk, line.id), "starred": line.starred, "tags": list(line.tags), "note": line.note}
        for line in search_runs(desk, query).lines
    ]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
