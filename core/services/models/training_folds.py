"""The folds that a model was trained and chosen on, where they came with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.dataset.manifest import Cohort
from core.dataset.naming import patient_of_name
from core.dataset.splitting import CohortSplit, SplitConfig
from core.errors import CohortError, InputNotFoundError
from core.language import tr
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


@dataclass(frozen=True)
class TrainingImages:
    """What a model's weights were fitted to: files of its own dataset, content hashes and patients, as far as known."""

    files: frozenset[str]
    content_hashes: frozenset[str]
    patients: frozenset[str]

    def of_own_dataset(
        self, files: Iterable[str], content_hashes: Iterable[str], patients: Iterable[str]
    ) -> "TrainingImages":
        """Return these with the contents and patients that images of the model's own dataset show its files to have."""
        rows = [row for row in zip(files, content_hashes, patients, strict=True) if row[0] in self.files]
        return TrainingImages(
            self.files,
            self.content_hashes | {content for _, content, _ in rows if isinstance(content, str) and content},
            self.patients | {patient for _, _, patient in rows if isinstance(patient, str) and patient},
        )

    def among(self, files: Sequence[str], content_hashes: Sequence[str], patients: Sequence[str]) -> frozenset[str]:
        """Return those of these files that are training images, or of a patient of such."""
        rows = zip(files, content_hashes, patients, strict=True)
        return frozenset(
            file for file, content, patient in rows if content in self.content_hashes or patient in self.patients
        )


def training_images(folder: Path) -> TrainingImages | None:
    """Return the training images of a model as its table of folds lists them; None if that did not come with it.

    In other datasets they are known by content and by file names that say a patient.
    """
    table = split_table(folder)
    if table is None:
        return None
    table = table[table["fold"] == "train"]
    hashes = set(table["content_hash"]) - {""} if "content_hash" in table else set()
    patients = set(filter(None, map(patient_of_name, table["file"])))
    return TrainingImages(frozenset(table["file"]), frozenset(hashes), frozenset(patients))


def save_split_of_model(desk: Desk, cohort: Cohort, model: str, name: str, reader: str | None = None) -> SplitSummary:
    """Save the folds that a model was trained and chosen on, so that others can be trained and evaluated on the same.

    Raises InputNotFoundError if there is no such model or its folds did not come with it, and CohortError if it was
    trained on other images than the dataset's, or the name is taken or unfit.
    """
    folder = model_folder(desk, model)
    card, table = read_card(folder), split_table(folder)
    if table is None or card.split_fingerprint is None:
        raise InputNotFoundError(
            tr("The folds of the model {model!r} did not come with it, so they cannot be saved.", model=model)
        )
    if card.cohort_fingerprint != cohort.fingerprint:
        raise CohortError(
            tr("The model {model!r} was trained on other images than those of {root}.", model=model, root=cohort.root)
        )
    assignments = pd.Series(table["fold"].to_numpy(), index=pd.Index(table["file"], name="file"), name="fold")
    config = SplitConfig(**{key: value for key, value in card.config.items() if key in SplitConfig.model_fields})
    return keep_split(desk, cohort, CohortSplit(assignments, card.split_fingerprint, config), name, reader)
