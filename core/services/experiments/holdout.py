"""The held-out patients of a run's own training images: never trained on, never chosen on, evaluated when asked."""

from pathlib import Path

import pandas as pd

from core.errors import EvaluationError
from core.language import tr
from core.model.checkpoint import SPLIT_FILE
from core.progress import OnCount, count_for_nobody
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.evaluation.assembly import read_fold
from core.services.evaluation.predictions import HOLDOUT, PredictedFilms, keep_predictions, load_predictions
from core.services.evaluation.test_set_access import count_looks, record_opening
from core.services.runs.record import RunRecord, get_record
from db import models as tables


def holdout_files(record: RunRecord) -> list[str]:
    """Return the images of a run's held-out fold, none where it held none back or its split is gone."""
    path = record.folder / SPLIT_FILE
    if not path.is_file():
        return []
    split = pd.read_csv(path, dtype=str, keep_default_na=False)
    return sorted(split.loc[split["fold"] == HOLDOUT, "file"])


def judge_holdout(desk: Desk, run_id: str, on_count: OnCount = count_for_nobody) -> PredictedFilms:
    """Return what a run says of its held-out images, reading them if that was not done before; each look is recorded.

    Raises EvaluationError if it held none back, has no model, or its images have changed.
    """
    record = get_record(desk, run_id)
    if not record.has_checkpoint:
        raise EvaluationError(
            tr("{name} ({run_id}) has no finished model on this desk.", name=record.name, run_id=record.id)
        )
    with desk.reading() as session:
        kept = load_predictions(session, [record.checkpoint_hash or ""], HOLDOUT).get(record.checkpoint_hash or "")
        data = session.get_one(tables.Run, record.id).data
    if kept is not None:
        count_looks(desk, [kept], "looked at")
        return kept
    files = holdout_files(record)
    if not files or data is None:
        raise EvaluationError(
            tr(
                "{name} ({run_id}) held no patients back. Train with `--holdout-fraction 0.1` to have some.",
                name=record.name,
                run_id=record.id,
            )
        )
    predicted = _read(desk, record, Path(data), files, on_count)
    with desk.transaction() as session:
        keep_predictions(session, predicted)
        record_opening(session, predicted, "read")
    return predicted


def _read(desk: Desk, record: RunRecord, data: Path, files: list[str], on_count: OnCount) -> PredictedFilms:
    cohort = indexing.index(desk, data)
    if cohort.fingerprint != record.cohort_fingerprint:
        raise EvaluationError(
            tr("The images of {data} have changed since {name} was trained.", data=data, name=record.name)
        )
    return read_fold(desk, f"run:{record.id}", cohort, HOLDOUT, files, on_count)
