"""Paired tests of models, made in one place for runs, ensembles and versions."""

from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.delong import delong_test
from core.evaluation.mcnemar import mcnemar_test
from core.services.evaluation.paired_tests import Contender, compare_pairs
from core.services.evaluation.predictions import LabelledFilms

LABELS = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=np.uint8)
GOOD = np.array([0.9, 0.8, 0.7, 0.6, 0.65, 0.45, 0.1, 0.2, 0.3, 0.4, 0.55, 0.05])
WORSE = np.array([0.6, 0.4, 0.7, 0.3, 0.45, 0.2, 0.5, 0.2, 0.6, 0.4, 0.1, 0.55])
FILMS = LabelledFilms(
    files=tuple(f"{place}.png" for place in range(12)),
    labels_N=LABELS,
    patients=tuple(f"p{place // 2}" for place in range(12)),
    subtypes=("",) * 12,
    content_hashes=tuple(f"{place:064x}" for place in range(12)),
)


def contender(name: str, probabilities_N: np.ndarray, engine: str = "torch-2-cpu-f32") -> Contender:
    return Contender(name, probabilities_N, 0.5, engine)


def test_each_pair_is_tested_with_the_patients_images_together() -> None:
    """The tests are DeLong's and McNemar's over patients, not over images, which would give other p-values."""
    (found,) = compare_pairs(FILMS, [(contender("b", WORSE), contender("a", GOOD))])
    assert found.auc == delong_test(LABELS, WORSE, GOOD, FILMS.patients)
    wrong = [(scores >= 0.5) != LABELS.astype(bool) for scores in (WORSE, GOOD)]
    assert found.errors == mcnemar_test(*wrong, FILMS.patients)
    assert found.errors.p_value != mcnemar_test(*wrong).p_value
    assert found.auc.p_value != delong_test(LABELS, WORSE, GOOD).p_value


def test_p_values_are_corrected_for_the_number_of_pairs() -> None:
    """Of two pairs the smaller p-value doubles (Holm), the other stays at least as large; one pair stays as it is."""
    first, second = contender("b", WORSE), contender("c", 1 - GOOD)
    both = compare_pairs(FILMS, [(first, contender("a", GOOD)), (second, contender("a", GOOD))])
    p_values = [found.auc.p_value for found in both]
    smaller = int(np.argmin(p_values))
    assert both[smaller].auc_p_corrected == pytest.approx(min(1.0, 2 * p_values[smaller]))
    assert both[1 - smaller].auc_p_corrected == pytest.approx(max(p_values[1 - smaller], 2 * p_values[smaller]))
    (alone,) = compare_pairs(FILMS, [(first, contender("a", GOOD))])
    assert alone.auc_p_corrected == alone.auc.p_value


def test_scores_of_two_engines_are_said_to_be_so() -> None:
    """The words name both engines where they differ, and none where one engine computed both."""
    reference = contender("a", GOOD)
    same, other, unknown = (
        compare_pairs(FILMS, [(contender("b", WORSE, engine), reference)])[0].words
        for engine in (reference.engine, "openvino-2026-bf16", "")
    )
    assert "computed by" not in same
    assert "b was computed by openvino-2026-bf16, a by torch-2-cpu-f32" in other
    assert "an engine not recorded" in unknown


def test_without_known_patients_each_image_counts_for_itself() -> None:
    """Where nothing says whose the images are the tests are the plain ones."""
    (found,) = compare_pairs(replace(FILMS, patients=("",) * 12), [(contender("b", WORSE), contender("a", GOOD))])
    assert found.auc == delong_test(LABELS, WORSE, GOOD)
