"""How far two readings of the same studies agree: counts, kappa with its interval, and measures against a reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation.proportions import Interval, wilson_interval

POSITIVE, NEGATIVE = "pneumonia", "normal"


@dataclass(frozen=True)
class Agreement:
    """Two raters on the studies that both evaluated; kappa is None where it is undefined.

    `table` counts studies by what the first (rows) and the second (columns) said, in the order of `labels`.
    """

    labels: tuple[str, ...]
    table: np.ndarray
    num_studies: int
    num_decided: int
    kappa: float | None
    kappa_interval: Interval | None

    @property
    def share_agreed(self) -> float | None:
        """The share, 0 to 1, of decided studies of which both said the same; None without any."""
        decided = [self.labels.index(POSITIVE), self.labels.index(NEGATIVE)]
        same = int(self.table[decided, decided].sum())
        return same / self.num_decided if self.num_decided else None


@dataclass(frozen=True)
class AgainstReference:
    """Sensitivity and specificity, 0 to 1, of findings against verdicts taken as true; None where undefined."""

    num_positive: int
    num_negative: int
    sensitivity: float | None
    sensitivity_interval: Interval | None
    specificity: float | None
    specificity_interval: Interval | None


def agreement(first: Sequence[str], second: Sequence[str], labels: Sequence[str]) -> Agreement:
    """Return how far two raters agree; kappa is over studies on which both decided between pneumonia and normal.

    Kappa is Cohen's (1960), its 95 % interval from the asymptotic variance of Fleiss, Cohen and Everitt (1969).
    """
    table = np.zeros((len(labels), len(labels)), dtype=int)
    place = {label: number for number, label in enumerate(labels)}
    for one, other in zip(first, second, strict=True):
        table[place[one], place[other]] += 1
    decided = [place[POSITIVE], place[NEGATIVE]]
    counts = table[np.ix_(decided, decided)]
    kappa, interval = cohen_kappa(counts)
    return Agreement(tuple(labels), table, int(table.sum()), int(counts.sum()), kappa, interval)


def cohen_kappa(counts: np.ndarray) -> tuple[float | None, Interval | None]:
    """Return kappa and its 95 % interval of a square table of counts.

    Kappa is None where a rater said only one thing: it would be 0 however often both agree. The interval is None where
    its variance is not available from the counts: all studies agree.
    """
    from statsmodels.stats.inter_rater import cohens_kappa

    if min(np.count_nonzero(counts.sum(0)), np.count_nonzero(counts.sum(1))) < 2:
        return None, None
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Any = cohens_kappa(counts)
    low, high = float(found.kappa_low), float(found.kappa_upp)
    has_interval = np.isfinite([low, high]).all() and high > low
    return float(found.kappa), (max(low, -1.0), min(high, 1.0)) if has_interval else None


def against_reference(is_flagged: Sequence[bool], verdicts: Sequence[str]) -> AgainstReference:
    """Return sensitivity and specificity of flags against verdicts, over those that decided; intervals are Wilson's."""
    flags, said = np.asarray(is_flagged, dtype=bool), np.asarray(verdicts, dtype=object)
    positive, negative = flags[said == POSITIVE], flags[said == NEGATIVE]
    num_true, num_silent = int(positive.sum()), int((~negative).sum())
    return AgainstReference(
        num_positive=len(positive),
        num_negative=len(negative),
        sensitivity=num_true / len(positive) if len(positive) else None,
        sensitivity_interval=wilson_interval(num_true, len(positive)),
        specificity=num_silent / len(negative) if len(negative) else None,
        specificity_interval=wilson_interval(num_silent, len(negative)),
    )
