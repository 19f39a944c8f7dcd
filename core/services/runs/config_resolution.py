"""Training on a split that was saved: what is asked for is brought into agreement with the split, or refused."""

from pathlib import Path

from core.errors import CohortError, SettingsError
from core.language import tr
from core.services.datasets import indexing
from core.services.datasets.splits import SplitSummary, check_films, get_split
from core.services.desk import Desk
from core.services.runs.initial_weights import check_folds, settle_first_weights
from core.training.config import SPLIT_FIELDS, TrainingConfig


def folder_to_train_on(desk: Desk, data: Path | None, split: str) -> Path:
    """Return the folder that was named, or else the one a saved split was made of; raises SettingsError for neither."""
    if data is not None:
        return data
    if not split:
        raise SettingsError(tr("Name the folder of a dataset with --data, or a saved split with --split."))
    return get_split(desk, split).root


def resolve_config(desk: Desk, data: Path, split: str, config: TrainingConfig) -> TrainingConfig:
    """Return a config with the shares of a saved split, as they were when it was saved, and whole ids of first runs.

    Raises InputNotFoundError if no split or run is called so, SettingsError if a run cannot be begun with, and
    CohortError if the images of the folder are not those the split was saved for, it has no calibration fold, or the
    first weights were fitted to other folds of them.
    """
    config = settle_first_weights(desk, config)
    if not split:
        return config
    saved = get_split(desk, split)
    if not is_trainable(saved):
        raise CohortError(
            tr(
                "The split {split!r} has no calibration fold, on which probabilities and the threshold are fitted: "
                "save one with a calibration share above 0.",
                split=split,
            )
        )
    check_films(saved, indexing.index(desk, data))
    check_folds(desk, config, saved.cohort_fingerprint, saved.fingerprint)
    return config.model_copy(update={field: getattr(saved.config, field) for field in SPLIT_FIELDS})


def is_trainable(saved: SplitSummary) -> bool:
    """Return whether a saved split has every fold that training needs."""
    return bool(saved.counts.get("calibration"))
