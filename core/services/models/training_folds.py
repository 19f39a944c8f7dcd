"""The folds that a model was trained and chosen on, where they came with it."""

from pathlib import Path

import pandas as pd

from core.dataset.manifest import Cohort
from core.dataset.splitting import CohortSplit, SplitConfig
from core.errors import CohortError, InputNotFoundError
from core.model.checkpoint import SPLIT_FILE, read_card
from core.services.datasets.splits import SplitSummary, keep_split
from core.services.desk import Desk
from core.services.models.lookup import model_folder


def split_table(folder: Path) -> pd.DataFrame | None:
    """Return the columns `file` and `fold` of a model's own split, from its folder or its run's; None without one."""
    for place in (folder / SPLIT_FILE, folder.parent / SPLIT_FILE):
        if place.is_file():
            return pd.read_csv(place, dtype=str, keep_default_na=False)
    return None


def save_split_of_model(desk: Desk, cohort: Cohort, model: str, name: str, reader: str | None = None) -> SplitSummary:
    """Save the folds that a model was trained and chosen on, so that others can be trained and judged on the same.

    Raises InputNotFoundError if there is no such model or its folds did not come with it, and CohortError if it was
    trained on other films than the cohort's, or the name is taken or unfit.
    """
    folder = model_folder(desk, model)
    card, table = read_card(folder), split_table(folder)
    if table is None:
        raise InputNotFoundError(f"The folds of the model {model!r} did not come with it, so they cannot be saved.")
    if card.cohort_fingerprint != cohort.fingerprint:
        raise CohortError(f"The model {model!r} was trained on other films than those of {cohort.root}.")
    assignments = pd.Series(table["fold"].to_numpy(), index=pd.Index(table["file"], name="file"), name="fold")
    config = SplitConfig(**{key: value for key, value in card.config.items() if key in SplitConfig.model_fields})
    return keep_split(desk, cohort, CohortSplit(assignments, card.split_fingerprint, config), name, reader)
