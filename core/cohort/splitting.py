"""Patient-disjoint splits of a cohort's own training films."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from core.cohort.manifest import Cohort
from core.errors import CohortError

Fold = Literal["train", "validation", "calibration", "holdout"]


class SplitConfig(BaseModel):
    """How a cohort is split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share of the films that judges each epoch.")
    calibration_fraction: float = Field(0.1, ge=0, lt=0.5, description="Share that fits probabilities and threshold.")
    holdout_fraction: float = Field(
        0.0, ge=0, lt=0.5, description="Share kept out of everything, for a last judgement."
    )
    seed: int = Field(0, ge=0, description="Seed of the draw.")


@dataclass(frozen=True)
class CohortSplit:
    """Which fold each film belongs to; `assignments` maps file to fold."""

    assignments: pd.Series
    fingerprint: str
    config: SplitConfig

    def files(self, fold: Fold) -> list[str]:
        """Return the files of one fold, sorted."""
        return list(self.assignments.index[self.assignments == fold])


def propose_split(cohort: Cohort, config: SplitConfig) -> CohortSplit:
    """Split a cohort by patient, stratified by subtype, after removing exact duplicates.

    The test folder is never used; the validation folder, too small to choose anything on, joins the
    training films. Raises CohortError if there are too few films or patients.
    """
    films = cohort.select()
    films = films[(films["split"] != "test") & films["label"].notna()]
    films = films.sort_values("file").drop_duplicates("content_hash")
    if films.empty:
        raise CohortError(f"{cohort.root} has no labelled training films (folders train/NORMAL and train/PNEUMONIA).")
    assignments = pd.Series("train", index=pd.Index(films["file"], name="file"), name="fold", dtype=object)
    strata = films["subtype"].fillna(films["label"]).to_numpy()
    patients = _united(films)
    for stratum in sorted(set(strata)):
        inside = strata == stratum
        folds = _assign(patients[inside], config, stratum)
        assignments[inside] = [folds[patient] for patient in patients[inside]]
    _keep_patients_together(assignments, patients)
    return CohortSplit(assignments, _fingerprint(films, assignments), config)


def _united(films: pd.DataFrame) -> np.ndarray:
    return films["patient"].astype(str).to_numpy()


def _assign(patients_N: np.ndarray, config: SplitConfig, stratum: str) -> dict[str, str]:
    """Deal shuffled patients out until each fold holds its share of the stratum's films."""
    names, counts = np.unique(patients_N, return_counts=True)
    seed = int.from_bytes(hashlib.sha256(f"{config.seed}:{stratum}".encode()).digest()[:8], "big")
    order = np.random.default_rng(seed).permutation(len(names))
    wanted = {
        "validation": config.validation_fraction * len(patients_N),
        "calibration": config.calibration_fraction * len(patients_N),
        "holdout": config.holdout_fraction * len(patients_N),
    }
    num_folds = 1 + sum(share > 0 for share in wanted.values())
    if len(names) < num_folds:
        raise CohortError(
            f"The group {stratum!r} has films of {len(names)} patients; a split needs at least {num_folds}, "
            "since one patient's films must not stand in two folds. Add films of other patients."
        )
    folds = dict.fromkeys(names.tolist(), "train")
    place = 0
    for fold, share in wanted.items():
        held = 0
        while held < share and (held == 0 or held + counts[order[place]] / 2 <= share):
            folds[names[order[place]]] = fold
            held += counts[order[place]]
            place += 1
            if len(names) - place < 1:
                break
    return folds


def _keep_patients_together(assignments: pd.Series, patients_N: np.ndarray) -> None:
    """A patient with films in two strata follows the fold of the first, so that no fold shares a patient."""
    first = pd.Series(assignments.to_numpy()).groupby(patients_N).transform("first")
    assignments[:] = first.to_numpy()


def _fingerprint(films: pd.DataFrame, assignments: pd.Series) -> str:
    lines = sorted(
        f"{content}\t{fold}" for content, fold in zip(films["content_hash"], assignments.to_numpy(), strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
