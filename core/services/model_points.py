"""Operating points of any model, also of one that no run of this desk made."""

from collections.abc import Callable
from pathlib import Path

from core.errors import EvaluationError
from core.evaluation.operating_point import OperatingPointRule
from core.services.desk import Desk
from core.services.evaluation import EvaluationRequest, evaluate
from core.services.models import model_card, resolve_model
from core.services.operating_points import ChosenPoint, keep_point
from core.services.predictions import BOTH, CHOOSING_SPLITS, choosing_predictions, may_choose


def choose_model_point(
    desk: Desk,
    model: str,
    rule: OperatingPointRule,
    name: str,
    *,
    split: str = "validation",
    data: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, count: None,
) -> ChosenPoint:
    """Choose a model's operating point on kept predictions, or with `data` on films that are read for it now.

    `split` is validation, calibration or both, with `data` NAME/validation or NAME/calibration of a saved split.
    Raises EvaluationError for films that must not choose, and where nothing was kept.
    """
    name_of_model = resolve_model(desk, model)
    if not may_choose(split):
        raise EvaluationError(
            f"An operating point is chosen on validation or calibration films, never on {split!r}. Name such a fold of "
            "a saved split: NAME/validation."
        )
    if data is not None:
        for fold in CHOOSING_SPLITS if split == BOTH else (split,):
            evaluate(desk, EvaluationRequest(data=data, model=name_of_model, split=fold), on_progress)
    checkpoint_hash = model_card(desk, name_of_model).weights_hash
    with desk.reading() as session:
        predicted = choosing_predictions(session, checkpoint_hash, split)
    if predicted is None:
        raise EvaluationError(
            f"{name_of_model} has read no films of {split} on this desk. Give --data, a folder with films, and --split "
            "NAME/validation, a fold of a split that was saved of it (`splits save`)."
        )
    return keep_point(desk, predicted, rule, name)
