"""The same model on parts of the images: by subtype of pneumonia.

Shapes: N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.delong import delong_interval
from core.evaluation.proportions import Interval, clustered_interval
from core.evaluation.scores import clusters_of

SMALLEST_GROUP = 5
"""Fewer images than this say nothing about a group."""


@dataclass(frozen=True)
class Subgroup:
    """One part of the images against all images of the other class; None where a figure is undefined."""

    kind: str
    name: str
    num_films: int
    num_right: int
    share_right: float | None
    share_interval: Interval | None
    auc: float | None
    auc_interval: Interval | None
    num_patients: int | None = None
    """Counted together in the intervals; None in facts of older versions, whose intervals take each image for
    itself.
    """

    @property
    def is_small(self) -> bool:
        """Whether there are too few images to say anything."""
        return self.num_films < SMALLEST_GROUP


def judge_subgroups(
    subtypes: Sequence[str],
    labels_N: np.ndarray,
    probabilities_N: np.ndarray,
    threshold: float,
    patients_N: ArrayLike | None = None,
) -> tuple[Subgroup, ...]:
    """Return for each subtype how many of its images are classified correctly, and its AUC; a patient's images count
    together.

    A group holds images of one label; its AUC sets them against every image of the other label.
    """
    labels = np.asarray(labels_N).astype(bool)
    clusters_N = np.arange(len(labels)) if patients_N is None else clusters_of(patients_N, len(labels))
    named = np.array(list(subtypes), dtype=object)
    right_N = (np.asarray(probabilities_N) >= threshold) == labels
    found = []
    for name in sorted({name for name in subtypes if name}):
        for positive, label in ((True, "pneumonia"), (False, "normal")):
            members_N = (named == name) & (labels == positive)
            if not members_N.any():
                continue
            against_N = members_N | (labels != positive)
            estimate = delong_interval(labels[against_N], probabilities_N[against_N], clusters_N[against_N])
            found.append(
                Subgroup(
                    kind="subtype",
                    name=name if name == label else f"{name}, {label}",
                    num_films=int(members_N.sum()),
                    num_right=int(right_N[members_N].sum()),
                    share_right=float(right_N[members_N].mean()),
                    share_interval=clustered_interval(right_N[members_N], clusters_N[members_N]),
                    auc=estimate.auc,
                    auc_interval=estimate.interval,
                    num_patients=len(np.unique(clusters_N[members_N])),
                )
            )
    return tuple(found)
