"""Whether a model could tell the classes by how files were made instead of by what images show.

Shapes: N images.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from core.dataset.audit.findings import Finding, Severity
from core.dataset_reasons import ClassGivenAway
from core.reason_words_datasets import FEATURES

NUM_FOLDS = 5
MOST_LEAVES = 16
FEWEST_FILMS = 20
"""Of each class; fewer say nothing."""
TELLING_AUC = 0.8


@dataclass(frozen=True)
class Shortcut:
    """How well one property of the file alone tells the classes apart: AUC on patients it was not fitted to."""

    feature: str
    name: str
    auc: float | None
    num_films: int

    @property
    def is_telling(self) -> bool:
        """Whether a model may well learn this instead of the disease."""
        return self.auc is not None and self.auc > TELLING_AUC


def measure_shortcuts(films: pd.DataFrame, features: pd.DataFrame) -> list[Shortcut]:
    """Return every property's cross-validated AUC, the most informative first; None where there are too few images.

    A small decision tree is fitted on four fifths of the patients and evaluated on the rest, so that a property counts
    also where the classes lie in bands of it.
    """
    table = feature_table(films, features)
    labels_N = (table["label"] == "pneumonia").to_numpy()
    folds_N = patient_folds(table["patient"])
    found = [
        Shortcut(feature, name, cross_validated_auc(table[[feature]].to_numpy(float), labels_N, folds_N), len(table))
        for feature, name in FEATURES.items()
    ]
    return sorted(found, key=lambda shortcut: -(shortcut.auc or 0))


def feature_table(films: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return labelled images, each content once, with every property of their files."""
    labelled = films[films["label"].notna()].drop_duplicates("content_hash")
    table = labelled.merge(features.drop(columns="signature"), on="content_hash")
    num_pixels = (table["width"] * table["height"]).clip(lower=1)
    return table.assign(
        bytes_per_pixel=table["num_bytes"] / num_pixels,
        aspect=table["width"] / table["height"].clip(lower=1),
        is_colour=~table["mode"].isin(["L", "I;16", "I", "F", "1"]),
    )


def patient_folds(patients: pd.Series, num_folds: int = NUM_FOLDS, seed: int = 0) -> np.ndarray:
    """Return each image's fold; the images of one patient share one."""
    codes_N, names = pd.factorize(patients)
    return (np.random.default_rng(seed).permutation(len(names)) % num_folds)[codes_N]


def cross_validated_auc(values_NF: np.ndarray, labels_N: np.ndarray, folds_N: np.ndarray) -> float | None:
    """Return the AUC of out-of-fold predictions, at least 0.5 by definition of a shortcut; None for too few images."""
    if min(labels_N.sum(), (~labels_N).sum()) < FEWEST_FILMS:
        return None
    scores_N = np.full(len(labels_N), np.nan)
    for fold in range(NUM_FOLDS):
        is_held = folds_N == fold
        if not is_held.any() or len(np.unique(labels_N[~is_held])) < 2:
            continue
        leaf = max(5, int((~is_held).sum()) // 200)
        tree = DecisionTreeClassifier(max_leaf_nodes=MOST_LEAVES, min_samples_leaf=leaf, random_state=0)
        tree.fit(values_NF[~is_held], labels_N[~is_held])
        scores_N[is_held] = np.asarray(tree.predict_proba(values_NF[is_held]))[:, 1]
    is_scored = np.isfinite(scores_N)
    if len(np.unique(labels_N[is_scored])) < 2:
        return None
    return max(0.5, float(roc_auc_score(labels_N[is_scored], scores_N[is_scored])))


def shortcut_findings(shortcuts: list[Shortcut]) -> list[Finding]:
    """Return one warning for each property that tells the classes apart by itself."""
    return [
        Finding(f"shortcut_{shortcut.feature}", Severity.WARNING, ClassGivenAway(shortcut.feature, float(shortcut.auc)))
        for shortcut in shortcuts
        if shortcut.auc is not None and shortcut.is_telling
    ]
