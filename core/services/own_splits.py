"""The folds that a model was trained and chosen on, where they came with it."""

from pathlib import Path

import pandas as pd

SPLIT_FILE = "split.csv"


def split_table(folder: Path) -> pd.DataFrame | None:
    """Return the columns `file` and `fold` of a model's own split, from its folder or its run's; None without one."""
    for place in (folder / SPLIT_FILE, folder.parent / SPLIT_FILE):
        if place.is_file():
            return pd.read_csv(place, dtype=str, keep_default_na=False)
    return None
