"""Patient-disjoint splits of a dataset's own training images.

Shapes: N images.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.dataset.manifest import Cohort
from core.errors import CohortError
from core.language import mark, tr

Fold = Literal["train", "validation", "calibration", "holdout"]
_ENOUGH = 0.9
"""Of its share; a fold that holds less looks past a patient who is too large for it."""


class SplitConfig(BaseModel):
    """How a dataset is split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation_fraction: float = Field(
        default=0.1, gt=0, lt=0.5, description=mark("Fraction of images in the validation set.")
    )
    calibration_fraction: float = Field(
        default=0.1, ge=0, lt=0.5, description=mark("Share that fits probabilities and threshold.")
    )
    holdout_fraction: float = Field(
        default=0.0, ge=0, lt=0.5, description=mark("Fraction held out of everything, as an internal test set.")
    )
    seed: int = Field(default=0, ge=0, description=mark("Seed of the draw."))

    @property
    def carved(self) -> dict[Fold, float]:
        """The share of each fold that is wanted beside the training fold, in the order they are dealt."""
        shares: dict[Fold, float] = {
            "validation": self.validation_fraction,
            "calibration": self.calibration_fraction,
            "holdout": self.holdout_fraction,
        }
        return {fold: share for fold, share in shares.items() if share > 0}

    @model_validator(mode="after")
    def _leave_films_to_train_on(self) -> Self:
        if sum(self.carved.values()) >= 1:
            raise ValueError(tr("validation, calibration and holdout together must leave images to train on"))
        return self


@dataclass(frozen=True)
class CohortSplit:
    """Which fold each image belongs to; `assignments` maps file to fold."""

    assignments: pd.Series
    fingerprint: str
    config: SplitConfig

    def files(self, fold: Fold) -> list[str]:
        """Return the files of one fold, sorted."""
        return list(self.assignments.index[self.assignments == fold])


def propose_split(cohort: Cohort, config: SplitConfig) -> CohortSplit:
    """Split a dataset by patient, stratified by subtype, after removing exact duplicates.

    The test folder is never used, nor any image of which it holds an exact copy; the validation folder, too small
    to choose anything on, joins the training images. Of exact copies the first by name stays, none if their labels
    differ; patients who share a copy are taken for one. The draw depends on the images' names, labels, patients
    and contents and on the seed alone. Raises CohortError if there are too few images or patients for each fold
    to hold both classes.
    """
    films, patients_N = _trainable(cohort)
    if films.empty:
        raise CohortError(
            tr("{root} has no labelled training images (folders train/NORMAL and train/PNEUMONIA).", root=cohort.root)
        )
    labels_N = films["label"].to_numpy()
    if len(set(labels_N)) < 2:
        raise CohortError(
            tr(
                "All training images of {root} are {image_class}: a model needs images of both classes. Add the folder "
                "of the other class.",
                root=cohort.root,
                image_class=labels_N[0],
            )
        )
    folds: dict[str, Fold] = {}
    for stratum, patients in _strata(films, patients_N, 1 + len(config.carved)).items():
        folds |= _deal(patients, config, stratum)
    folds_N = np.array([folds[patient] for patient in patients_N], dtype=object)
    _check_both_classes(folds_N, labels_N, patients_N, config)
    assignments = pd.Series(folds_N, index=pd.Index(films["file"], name="file"), name="fold", dtype=object)
    return CohortSplit(assignments, _fingerprint(films, assignments), config)


def _trainable(cohort: Cohort) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the images to be split, sorted by name and each content once, and the patient of each."""
    films = cohort.select()
    in_test = films["split"] == "test"
    tested = set(films.loc[in_test, "content_hash"])
    films = films[~in_test & films["label"].notna() & ~films["content_hash"].isin(tested)].sort_values("file")
    if films.empty:
        return films, np.array([], dtype=object)
    copies = films[films["content_hash"].duplicated(keep=False)]
    two_labels = copies.groupby("content_hash")["label"].nunique() > 1
    patients = pd.Series(_united_patients(films, copies), index=films.index)
    kept = films[~films["content_hash"].isin(two_labels.index[two_labels])].drop_duplicates("content_hash")
    return kept, patients[kept.index].to_numpy()


def _united_patients(films: pd.DataFrame, copies: pd.DataFrame) -> list[str]:
    """Return each image's patient; patients who share a content, directly or in a chain, get the first one's name.

    `copies` are the images whose content is there more than once.
    """
    parent: dict[str, str] = {}

    def root_of(patient: str) -> str:
        while patient in parent:
            patient = parent[patient]
        return patient

    first_with: dict[str, str] = {}
    for patient, content in zip(copies["patient"], copies["content_hash"], strict=True):
        low, high = sorted((root_of(patient), root_of(first_with.setdefault(content, patient))))
        if low != high:
            parent[high] = low
    return [root_of(patient) for patient in films["patient"]]


def _strata(films: pd.DataFrame, patients_N: np.ndarray, num_folds: int) -> dict[str, list[str]]:
    """Return the patients of each image by stratum: subtypes, or whole classes where a subtype has too few patients.

    A patient with images in several strata counts to the one with the fewest patients, which can spare none.
    """
    is_own = (films["subtype"] == "normal") == (films["label"] == "normal")
    strata_N = films["subtype"].where(films["subtype"].notna() & is_own, films["label"]).to_numpy()
    label_of = dict(zip(strata_N, films["label"], strict=True))
    pairs = set(zip(strata_N, patients_N, strict=True))
    num_patients = Counter(stratum for stratum, _ in pairs)
    home = dict(zip(patients_N, strata_N, strict=True))
    if len(home) < len(pairs):
        home.clear()
        for stratum, patient in sorted(pairs, key=lambda pair: (num_patients[pair[0]], pair)):
            home.setdefault(patient, stratum)
    num_at_home = Counter(home.values())
    members: dict[str, list[str]] = {}
    for patient in patients_N:
        stratum = home[patient]
        members.setdefault(stratum if num_at_home[stratum] >= num_folds else label_of[stratum], []).append(patient)
    return dict(sorted(members.items()))


def _deal(patients: Sequence[str], config: SplitConfig, stratum: str) -> dict[str, Fold]:
    """Deal shuffled patients out until each fold holds its share of the stratum's images, at least one patient each.

    A fold ends up within half of one patient's images of its share. Where every patient left is larger than that,
    it takes the smallest: a patient with very many images is then trained on rather than filling a fold.
    """
    names, counts = np.unique(np.array(patients, dtype=object), return_counts=True)
    seed = int.from_bytes(hashlib.sha256(f"{config.seed}:{stratum}".encode()).digest()[:8], "big")
    waiting = np.random.default_rng(seed).permutation(len(names)).tolist()[::-1]
    folds: dict[str, Fold] = dict.fromkeys(names.tolist(), "train")
    num_to_serve = len(config.carved)
    for fold, fraction in config.carved.items():
        share, held = fraction * len(patients), 0
        # One patient stays for each fold still to be served, and one to train on.
        while len(waiting) > num_to_serve:
            place = _next_place(counts, waiting, share, held)
            if place is None:
                break
            patient = waiting.pop(place)
            folds[str(names[patient])] = fold
            held += int(counts[patient])
        num_to_serve -= 1
    return folds


def _next_place(counts: np.ndarray, waiting: list[int], share: float, held: int) -> int | None:
    """Return the place of the patient a fold takes next (they are dealt from the end), or None if it has enough."""
    if held + counts[waiting[-1]] / 2 <= share:
        return len(waiting) - 1
    if held >= _ENOUGH * share:
        return None
    # Only now, since a look at all who wait for each patient would be quadratic.
    counts_P = counts[waiting]
    fitting = np.flatnonzero(held + counts_P / 2 <= share)
    if len(fitting):
        return int(fitting[-1])
    return None if held else int(np.argmin(counts_P))


def _check_both_classes(folds_N: np.ndarray, labels_N: np.ndarray, patients_N: np.ndarray, config: SplitConfig) -> None:
    for fold in ("train", *config.carved):
        for label in ("normal", "pneumonia"):
            if not ((folds_N == fold) & (labels_N == label)).any():
                num_patients = len(set(patients_N[labels_N == label]))
                raise CohortError(
                    tr(
                        "The {fold} fold gets no {label} image: there are {num_patients} patients with such images "
                        "for {num_folds} folds, and one patient's images must not be in two. Add {label} images of "
                        "other patients.",
                        fold=fold,
                        label=label,
                        num_patients=num_patients,
                        num_folds=1 + len(config.carved),
                    )
                )


def _fingerprint(films: pd.DataFrame, assignments: pd.Series) -> str:
    lines = sorted(
        f"{content}\t{fold}" for content, fold in zip(films["content_hash"], assignments.to_numpy(), strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
