"""The folds that a model was trained and chosen on, where they came with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from core.dataset.manifest import Cohort
from core.dataset.naming import patient_of_name
from core.dataset.splitting import CohortSplit, SplitConfig
from core.errors import CohortError, InputNotFoundError
from core.model.checkpoint import SPLIT_FILE, read_card
from core.services.datasets.splits import SplitSummary, keep_split
from core.services.desk import Desk
from core.services.models.lookup import model_folder
from db import models as tables


def split_table(folder: Path) -> pd.DataFrame | None:
    """Return the columns `file` and `fold` of a model's own split, from its folder or its run's; None without one."""
    for place in (folder / SPLIT_FILE, folder.parent / SPLIT_FILE):
        if place.is_file():
            return pd.read_csv(place, dtype=str, keep_default_na=False)
    return None


@dataclass(frozen=True)
class TrainingImages:
    """What a model's weights were fitted to: content hashes and patients, as far as they are known."""

    content_hashes: frozenset[str]
    patients: frozenset[str]

    def among(self, cohort: Cohort, files: Sequence[str]) -> frozenset[str]:
        """Return those of a dataset's files that are training images, or of a patient of such."""
        rows = cohort.manifest.set_index("file").loc[list(files)]
        is_known = rows["content_hash"].isin(self.content_hashes) | rows["patient"].isin(self.patients)
        return frozenset(rows.index[is_known])


def training_images(desk: Desk, folder: Path, cohort: Cohort) -> TrainingImages | None:
    """Return the training images of a model as they can be told in a dataset; None if its folds did not come with it.

    In the model's own dataset they are known by their files, elsewhere by content and by file names that say a patient.
    """
    table = split_table(folder)
    if table is None:
        return None
    table = table[table["fold"] == "train"]
    hashes = set(table["content_hash"]) if "content_hash" in table else set()
    patients = set(filter(None, map(patient_of_name, table["file"])))
    own = read_card(folder).cohort_fingerprint
    if own is not None and own in (cohort.fingerprint, *_fingerprints_at(desk, cohort.root)):
        rows = cohort.manifest[cohort.manifest["file"].isin(table["file"])]
        hashes |= set(rows["content_hash"].dropna())
        patients |= set(rows["patient"].dropna())
    return TrainingImages(frozenset(hashes), frozenset(patients))


def _fingerprints_at(desk: Desk, root: Path) -> list[str]:
    """Return the fingerprints of all that a folder has held: a folder that grew still holds what was trained on."""
    with desk.reading() as session:
        return list(session.scalars(select(tables.Cohort.fingerprint).where(tables.Cohort.root == str(root))))


def save_split_of_model(desk: Desk, cohort: Cohort, model: str, name: str, reader: str | None = None) -> SplitSummary:
    """Save the folds that a model was trained and chosen on, so that others can be trained and judged on the same.

    Raises InputNotFoundError if there is no such model or its folds did not come with it, and CohortError if it was
    trained on other films than the cohort's, or the name is taken or unfit.
    """
    folder = model_folder(desk, model)
    card, table = read_card(folder), split_table(folder)
    if table is None or card.split_fingerprint is None:
        raise InputNotFoundError(f"The folds of the model {model!r} did not come with it, so they cannot be saved.")
    if card.cohort_fingerprint != cohort.fingerprint:
        raise CohortError(f"The model {model!r} was trained on other films than those of {cohort.root}.")
    assignments = pd.Series(table["fold"].to_numpy(), index=pd.Index(table["file"], name="file"), name="fold")
    config = SplitConfig(**{key: value for key, value in card.config.items() if key in SplitConfig.model_fields})
    return keep_split(desk, cohort, CohortSplit(assignments, card.split_fingerprint, config), name, reader)
