"""Whether test images differ from training images of the same class.

Shapes: N images, P pixels of a signature.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.dataset.audit.findings import Finding, Severity
from core.dataset.audit.shortcuts import NUM_FOLDS, patient_folds
from core.dataset.film_features import signatures_of
from core.dataset_reasons import OtherKindOfTestImages

FEWEST_FILMS = 40
MOST_FILMS = 3000
NUM_COMPONENTS = 64
TELLING_AUC = 0.8


@dataclass(frozen=True)
class Shift:
    """How well small copies of one class's images tell which are test images: AUC 0.5 means not at all."""

    label: str
    auc: float | None
    num_train: int
    num_test: int


def measure_shift(films: pd.DataFrame, features: pd.DataFrame) -> list[Shift]:
    """Return train against test for each class, cross-validated by patient; None for under 40 images on a side."""
    films = films[films["label"].notna() & films["split"].notna()].drop_duplicates("content_hash")
    measured = features.set_index("content_hash")
    films = films[films["content_hash"].isin(measured.index)]
    found = []
    for label, rows in films.groupby("label"):
        is_test_N = (rows["split"] == "test").to_numpy()
        num_test, num_train = int(is_test_N.sum()), int((~is_test_N).sum())
        auc = None
        if min(num_test, num_train) >= FEWEST_FILMS:
            kept = _sample(is_test_N)
            auc = _auc(rows.iloc[kept], measured, is_test_N[kept])
        found.append(Shift(str(label), auc, num_train, num_test))
    return found


def shift_findings(shifts: list[Shift]) -> list[Finding]:
    """Return a warning for each class whose test images can be distinguished from its training images."""
    return [
        Finding(
            f"shift_{shift.label}",
            Severity.WARNING,
            OtherKindOfTestImages(shift.label, shift.num_test, shift.num_train, shift.auc),
        )
        for shift in shifts
        if shift.auc is not None and shift.auc > TELLING_AUC
    ]


def _sample(is_test_N: np.ndarray) -> np.ndarray:
    """Return at most 3,000 rows, test images first, drawn the same way every time."""
    order = np.random.default_rng(0).permutation(len(is_test_N))
    order = order[np.argsort(~is_test_N[order], kind="stable")]
    num_test = min(int(is_test_N.sum()), MOST_FILMS // 2)
    rest = order[is_test_N.sum() :][: MOST_FILMS - num_test]
    return np.concatenate([order[:num_test], rest])


def _auc(rows: pd.DataFrame, measured: pd.DataFrame, is_test_N: np.ndarray) -> float | None:
    grey_NSS = signatures_of(measured.loc[rows["content_hash"]])
    values_NP = grey_NSS.reshape(len(rows), -1) / 255.0
    folds_N = patient_folds(rows["patient"])
    scores_N = np.full(len(rows), np.nan)
    for fold in range(NUM_FOLDS):
        is_held = folds_N == fold
        if not is_held.any() or len(np.unique(is_test_N[~is_held])) < 2:
            continue
        components = min(NUM_COMPONENTS, int((~is_held).sum()) - 1)
        model = make_pipeline(
            PCA(components, svd_solver="covariance_eigh"),
            StandardScaler(),
            LogisticRegression(C=0.1, class_weight="balanced", max_iter=500),
        )
        scores_N[is_held] = model.fit(values_NP[~is_held], is_test_N[~is_held]).decision_function(values_NP[is_held])
    is_scored = np.isfinite(scores_N)
    if len(np.unique(is_test_N[is_scored])) < 2:
        return None
    return float(roc_auc_score(is_test_N[is_scored], scores_N[is_scored]))
