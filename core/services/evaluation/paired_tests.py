"""Paired tests of models on the same images, in the one place where they are made, and which settings differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation.delong import AucComparison, delong_test
from core.evaluation.mcnemar import ErrorComparison, holm_correction, mcnemar_test
from core.language import tr
from core.services.evaluation.comparison_text import say_verdict
from core.services.evaluation.predictions import LabelledFilms


@dataclass(frozen=True)
class Contender:
    """What one model says of the images [N], its own threshold, and what computed it."""

    name: str
    probabilities_N: np.ndarray
    threshold: float
    engine: str


@dataclass(frozen=True)
class PairwiseTest:
    """One model against another: DeLong and McNemar, p-values corrected for the number of pairs (Holm)."""

    auc: AucComparison
    errors: ErrorComparison
    auc_p_corrected: float | None
    errors_p_corrected: float | None
    words: str


def compare_pairs(films: LabelledFilms, pairs: Sequence[tuple[Contender, Contender]]) -> tuple[PairwiseTest, ...]:
    """Test the first of each pair against the second; the images of one patient count together where it is known."""
    labels_N, patients_N = films.labels_N.astype(bool), films.known_patients

    def wrong(one: Contender) -> np.ndarray:
        return (one.probabilities_N >= one.threshold) != labels_N

    aucs = [delong_test(labels_N, one.probabilities_N, other.probabilities_N, patients_N) for one, other in pairs]
    errors = [mcnemar_test(wrong(one), wrong(other), patients_N) for one, other in pairs]
    auc_p = holm_correction([auc.p_value for auc in aucs])
    errors_p = holm_correction([error.p_value for error in errors])
    return tuple(
        PairwiseTest(
            auc=aucs[place],
            errors=errors[place],
            auc_p_corrected=auc_p[place],
            errors_p_corrected=errors_p[place],
            words=say_verdict(
                one.name, other.name, aucs[place], errors[place], auc_p[place], errors_p[place], len(labels_N)
            )
            + _on_engines(one, other),
        )
        for place, (one, other) in enumerate(pairs)
    )


def differing_fields(configs: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the fields in which configs differ, with the value of each."""
    names = sorted({name for config in configs for name in config})
    values = {name: tuple(config.get(name) for config in configs) for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def _on_engines(one: Contender, other: Contender) -> str:
    if one.engine == other.engine:
        return ""
    return " " + tr(
        "{model} was computed by {engine}, {other_model} by {other_engine}: a small part of a difference may be "
        "rounding.",
        model=one.name,
        engine=one.engine or tr("an engine not recorded"),
        other_model=other.name,
        other_engine=other.engine or tr("an engine not recorded"),
    )
