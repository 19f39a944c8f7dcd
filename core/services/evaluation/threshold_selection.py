"""Operating points of a checkpoint: chosen on images kept for that, named, numbered by version, never changed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from core.errors import EvaluationError
from core.evaluation.operating_point import OperatingPoint, OperatingPointRule, choose_operating_point
from core.language import tr
from core.progress import OnCount, count_for_nobody
from core.services.desk import Desk
from core.services.evaluation.evaluate import EvaluationRequest, evaluate
from core.services.evaluation.predictions import (
    BOTH,
    CHOOSING_SPLITS,
    PredictedFilms,
    choosing_predictions,
    is_selection_split,
    united,
)
from core.services.models.lookup import model_card, resolve_model
from core.services.models.operating_points import next_version
from db import models as tables


@dataclass(frozen=True)
class ChosenPoint:
    """One version of a named operating point, tied to its checkpoint by the hash."""

    checkpoint_hash: str
    version: int
    point: OperatingPoint
    created_at: datetime


def propose_point(predicted: PredictedFilms, rule: OperatingPointRule, name: str = "proposal") -> OperatingPoint:
    """Return what a rule would choose on these images; raises EvaluationError for images that must not choose."""
    if not is_selection_split(predicted.split):
        raise EvaluationError(
            tr(
                "An operating point is chosen on the {selection_splits} images, never on {split!r}: figures of images "
                "that chose the threshold would look better than they are.",
                selection_splits=" or ".join(CHOOSING_SPLITS),
                split=predicted.split,
            )
        )
    folds = f"{' and '.join(CHOOSING_SPLITS)} folds" if predicted.split == BOTH else f"{predicted.split} fold"
    return choose_operating_point(
        predicted.films.labels_N,
        predicted.probabilities,
        rule,
        name=name,
        chosen_on=f"{folds} ({predicted.films.counted})",
    )


def keep_point(desk: Desk, predicted: PredictedFilms, rule: OperatingPointRule, name: str) -> ChosenPoint:
    """Choose an operating point and keep it as the next version of its name; the same choice again is the same one."""
    point = propose_point(predicted, rule, _checked(name))
    with desk.transaction() as session:
        choice = ("name", "threshold", "uncertain_low", "uncertain_high")
        same = [getattr(tables.OperatingPoint, field) == getattr(point, field) for field in choice]
        row = session.scalar(
            select(tables.OperatingPoint).where(
                tables.OperatingPoint.checkpoint_hash == predicted.checkpoint_hash, *same
            )
        )
        if row is None:
            row = tables.OperatingPoint(
                checkpoint_hash=predicted.checkpoint_hash,
                version=next_version(session, predicted.checkpoint_hash, point.name),
                **point.model_dump(),
            )
            session.add(row)
            session.flush()
        return _chosen(row)


def list_points(desk: Desk, checkpoint_hash: str) -> tuple[ChosenPoint, ...]:
    """Return every operating point of a checkpoint, newest first."""
    with desk.reading() as session:
        rows = session.scalars(
            select(tables.OperatingPoint)
            .where(tables.OperatingPoint.checkpoint_hash == checkpoint_hash)
            .order_by(tables.OperatingPoint.id.desc())
        ).all()
        return tuple(_chosen(row) for row in rows)


def _checked(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 0 < len(cleaned) <= 128:
        raise EvaluationError(tr("An operating point needs a name of at most 128 characters."))
    return cleaned


def _chosen(row: tables.OperatingPoint) -> ChosenPoint:
    fields = {name: getattr(row, name) for name in OperatingPoint.model_fields}
    return ChosenPoint(row.checkpoint_hash, row.version, OperatingPoint(**fields), row.created_at)


def choose_model_point(
    desk: Desk,
    model: str,
    rule: OperatingPointRule,
    name: str,
    *,
    split: str = "validation",
    data: Path | None = None,
    on_count: OnCount = count_for_nobody,
) -> ChosenPoint:
    """Choose a model's operating point on kept predictions, or with `data` on images that are read for it now.

    `split` is validation, calibration or both, with `data` NAME/validation or NAME/calibration of a saved split.
    Raises EvaluationError for images that must not choose, and where nothing was kept.
    """
    name_of_model = resolve_model(desk, model)
    if not is_selection_split(split):
        raise EvaluationError(
            tr(
                "An operating point is chosen on validation or calibration images, never on {split!r}. Name such a "
                "fold of a saved split: NAME/validation.",
                split=split,
            )
        )
    if data is not None:
        folds = CHOOSING_SPLITS if split == BOTH else (split,)
        asked = [EvaluationRequest(data=data, model=name_of_model, split=fold) for fold in folds]
        sets = [evaluate(desk, one, on_count).predicted for one in asked]
        return keep_point(desk, united(sets) if split == BOTH else sets[0], rule, name)
    checkpoint_hash = model_card(desk, name_of_model).weights_hash
    with desk.reading() as session:
        predicted = choosing_predictions(session, checkpoint_hash, split)
    if predicted is None:
        raise EvaluationError(
            tr(
                "{model} has read no images of {split} on this desk. Give --data, a folder with images, and "
                "--split NAME/validation, a fold of a split that was saved of it (`splits save`).",
                model=name_of_model,
                split=split,
            )
        )
    return keep_point(desk, predicted, rule, name)
