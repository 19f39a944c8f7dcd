"""The same model on parts of the films: by subtype of pneumonia and by series of files.

Shapes: N films.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from core.evaluation.delong import delong_interval
from core.evaluation.metrics import EvaluationReport, evaluate_probabilities
from core.evaluation.proportions import Interval

SMALLEST_GROUP = 5
"""Fewer films than this say nothing about a group."""

_HASHED = re.compile(r"[0-9a-f-]{16,}", re.IGNORECASE)


@dataclass(frozen=True)
class Subgroup:
    """One part of the films against all films of the other class; None where a figure is undefined."""

    kind: str
    name: str
    num_films: int
    num_right: int
    share_right: float | None
    share_interval: Interval | None
    auc: float | None
    auc_interval: Interval | None

    @property
    def is_small(self) -> bool:
        """Whether there are too few films to say anything."""
        return self.num_films < SMALLEST_GROUP


def judge_subgroups(
    files: Sequence[str],
    subtypes: Sequence[str],
    labels_N: np.ndarray,
    probabilities_N: np.ndarray,
    threshold: float,
) -> tuple[Subgroup, ...]:
    """Return each subtype and each file series: how many of its films are read rightly, and its AUC.

    A group holds films of one label; its AUC sets them against every film of the other label.
    """
    labels = np.asarray(labels_N).astype(bool)
    groups: dict[tuple[str, str], np.ndarray] = {}
    for kind, names in (("subtype", list(subtypes)), ("file series", [series_of(file) for file in files])):
        named = np.array(names, dtype=object)
        for name in sorted({name for name in names if name}):
            for positive in (True, False):
                members_N = (named == name) & (labels == positive)
                if members_N.any():
                    label = "pneumonia" if positive else "normal"
                    groups[kind, name if name == label else f"{name}, {label}"] = members_N
    return tuple(
        _judge(kind, name, members_N, labels, probabilities_N, threshold) for (kind, name), members_N in groups.items()
    )


def series_of(file: str) -> str:
    """Return the letters a file's name begins with, which tell series of one archive apart; digits are left out.

    Empty for a name that is a hash or a random number: its letters tell nothing.
    """
    stem = PurePosixPath(file).stem
    if _HASHED.fullmatch(stem):
        return ""
    found = re.match(r"[^\d]*(?:\d+-(?=[A-Za-z]))?[A-Za-z]*", stem)
    return (found[0] if found else "").strip("-_ ") or "numbers only"


def _judge(
    kind: str, name: str, members_N: np.ndarray, labels_N: np.ndarray, probabilities_N: np.ndarray, threshold: float
) -> Subgroup:
    positive = bool(labels_N[members_N][0])
    against_N = members_N | (labels_N != positive)
    report: EvaluationReport = evaluate_probabilities(
        labels_N[members_N], probabilities_N[members_N], threshold, num_resamples=0
    )
    estimate = delong_interval(labels_N[against_N], probabilities_N[against_N])
    return Subgroup(
        kind=kind,
        name=name,
        num_films=report.n,
        num_right=report.confusion.tp + report.confusion.tn,
        share_right=report.accuracy,
        share_interval=report.ci.accuracy,
        auc=estimate.auc,
        auc_interval=estimate.interval,
    )
