"""Which images of an evaluation the model was trained on: one decision, for whatever shows its figures."""

from pathlib import Path

import pandas as pd
from sqlalchemy import select

from core.dataset.manifest import Cohort
from core.dataset.store import kept_manifest
from core.errors import CheckpointError
from core.language import tr
from core.model.checkpoint import read_card
from core.services.desk import Desk
from core.services.evaluation.predictions import OWN_FOLDS, LabelledFilms, PredictedFilms, predictions_of_dataset
from core.services.models.lookup import STARTER_FOLDER
from core.services.models.training_folds import training_images
from db import models as tables


def training_images_among(
    desk: Desk, folder: Path, films: LabelledFilms, cohort_fingerprint: str, cohort: Cohort | None = None
) -> frozenset[str] | None:
    """Return the files of an evaluation that a model was trained on, or that show a patient of such an image.

    None if the model's folds did not come with it. Without the dataset itself, what the desk keeps of it is asked.
    """
    known = training_images(folder)
    if known is None:
        return None
    own = read_card(folder).cohort_fingerprint
    roots = {*_roots_of(desk, cohort_fingerprint), *((cohort.root,) if cohort else ())}
    if own is not None and (own == cohort_fingerprint or roots & _roots_of(desk, own)):
        known = known.of_own_dataset(films.files, films.content_hashes, films.patients)
        for manifest in [cohort.manifest] if cohort else _kept_manifests(desk, roots):
            known = known.of_own_dataset(manifest["file"], manifest["content_hash"], manifest["patient"])
    return known.among(films.files, films.content_hashes, films.patients)


class TrainingOverlaps:
    """How many training images stored evaluations hold; what is asked for twice is counted once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._counted: dict[tuple[str, str, str], int | None] = {}

    def of(self, predicted: PredictedFilms) -> int | None:
        """Return how many images of these predictions the model was trained on; None where that is not known."""
        files = self.files(predicted)
        return None if files is None else len(files)

    def files(self, predicted: PredictedFilms) -> frozenset[str] | None:
        """Return the training images among the images of these predictions; None where they are not known."""
        dataset, is_own_fold = predicted.cohort_fingerprint, predicted.split in OWN_FOLDS
        for folder in _folders(self._desk, predicted.checkpoint_hash):
            if is_own_fold and read_card(folder).cohort_fingerprint == dataset:
                return frozenset()
            found = training_images_among(self._desk, folder, predicted.films, dataset)
            if found is not None:
                return found
        # A fold of the model's own split holds none by how it was made, also where its table is gone.
        return frozenset() if is_own_fold else None

    def of_stored(self, checkpoint_hash: str, cohort_fingerprint: str, split: str) -> int | None:
        """Return as `of` for what is stored of an evaluation; None also where no prediction of it is stored."""
        key = (checkpoint_hash, cohort_fingerprint, split)
        if key not in self._counted:
            with self._desk.reading() as session:
                predicted = predictions_of_dataset(session, *key)
            self._counted[key] = None if predicted is None else self.of(predicted)
        return self._counted[key]


def say_overlap(num_training_images: int | None, num_images: int) -> str:
    """Return what a reader must know of the training images in an evaluation; nothing where there are none."""
    if num_training_images is None:
        return tr("Whether the model was trained on any of these images is not known: its folds did not come with it.")
    if not num_training_images:
        return ""
    return tr(
        "TRAINING IMAGES: includes {num_training_images:,} of {num_images:,} images that the model was trained on, or "
        "others of the same patients. These figures are too good.",
        num_training_images=num_training_images,
        num_images=num_images,
    )


def _folders(desk: Desk, checkpoint_hash: str) -> list[Path]:
    """Return where a model with these weights may lie, the run that made it first."""
    version_of, run_of = tables.ModelVersion, tables.Run
    with desk.reading() as session:
        runs = session.scalars(select(run_of.folder).where(run_of.checkpoint_hash == checkpoint_hash)).all()
        versions = session.scalars(
            select(version_of.folder).where(version_of.checkpoint_hash == checkpoint_hash).order_by(version_of.id)
        ).all()
    folders = dict.fromkeys([*(Path(run) / "checkpoint" for run in runs), *map(Path, versions), STARTER_FOLDER])
    return [folder for folder in folders if _holds(folder, checkpoint_hash)]


def _holds(folder: Path, checkpoint_hash: str) -> bool:
    try:
        return read_card(folder).weights_hash == checkpoint_hash
    except CheckpointError:
        return False


def _roots_of(desk: Desk, cohort_fingerprint: str) -> set[Path]:
    """Return the folders that have held just these images: a folder that grew still holds what was trained on."""
    cohort_of = tables.Cohort
    with desk.reading() as session:
        roots = session.scalars(select(cohort_of.root).where(cohort_of.fingerprint == cohort_fingerprint))
        return set(map(Path, roots))


def _kept_manifests(desk: Desk, roots: set[Path]) -> list[pd.DataFrame]:
    found = [kept_manifest(root, desk.settings.caches) for root in sorted(roots)]
    return [manifest for manifest in found if manifest is not None]
