"""Training on a split that was saved: what is asked for is brought into agreement with the split, or refused."""

from pathlib import Path

from core.errors import CohortError, SettingsError
from core.services import cohorts
from core.services.desk import Desk
from core.services.saved_splits import SplitSummary, check_films, get_split
from core.training.config import SPLIT_FIELDS, TrainingConfig


def folder_to_train_on(desk: Desk, data: Path | None, split: str) -> Path:
    """Return the folder that was named, or else the one a saved split was made of; raises SettingsError for neither."""
    if data is not None:
        return data
    if not split:
        raise SettingsError("Name the folder of a cohort with --data, or a saved split with --split.")
    return get_split(desk, split).root


def fit_to_split(desk: Desk, data: Path, split: str, config: TrainingConfig) -> TrainingConfig:
    """Return a config with the shares of a saved split, as they were when it was saved; unchanged for no split.

    Raises InputNotFoundError if no split is called so, and CohortError if the films of the folder are not those it
    was saved for or it has no calibration fold.
    """
    if not split:
        return config
    saved = get_split(desk, split)
    if not is_trainable(saved):
        raise CohortError(
            f"The split {split!r} has no calibration fold, on which probabilities and the threshold are fitted: "
            "save one with a calibration share above 0."
        )
    check_films(saved, cohorts.index(desk, data))
    return config.model_copy(update={field: getattr(saved.config, field) for field in SPLIT_FIELDS})


def is_trainable(saved: SplitSummary) -> bool:
    """Return whether a saved split has every fold that training needs."""
    return bool(saved.counts.get("calibration"))
