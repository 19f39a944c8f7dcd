"""Differences between models on the same images."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, precision_score, recall_score

from core.errors import EvaluationError
from core.evaluation.paired_bootstrap import FIGURES, paired_differences


def draw(num_films: int, seed: int, *gaps: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(num_films) < 0.5
    shared = rng.normal(0, 0.7, num_films)
    logits = [gap * (labels - 0.5) + shared + rng.normal(0, 0.7, num_films) for gap in gaps]
    return labels.astype(int), 1 / (1 + np.exp(-np.array(logits)))


def test_differences_agree_with_scikit_learn():
    """Each difference is that of scikit-learn's figures at each model's own threshold."""
    labels, scores = draw(200, 0, 2.0, 1.0)
    found = {item.figure: item.difference for item in paired_differences(labels, scores, [0.4, 0.6])[0]}
    first, second = scores[0] >= 0.4, scores[1] >= 0.6
    measures = {
        "accuracy": accuracy_score,
        "sensitivity": recall_score,
        "specificity": lambda truth, flags: recall_score(1 - truth, ~flags),
        "precision": precision_score,
        "f1": f1_score,
    }
    for name, measure in measures.items():
        assert found[name] == pytest.approx(measure(labels, second) - measure(labels, first), abs=1e-9)
    expected = brier_score_loss(labels, scores[1]) - brier_score_loss(labels, scores[0])
    assert found["brier"] == pytest.approx(expected, abs=1e-9)


def test_a_model_does_not_differ_from_itself():
    """The same scores give differences of 0 and claim no interval."""
    labels, scores = draw(50, 1, 1.0)
    for item in paired_differences(labels, [scores[0], scores[0]], [0.5, 0.5])[0]:
        assert item.difference == 0 and item.interval is None


def test_the_order_of_the_films_does_not_matter():
    """Shuffled images give the same intervals."""
    labels, scores = draw(90, 2, 2.0, 1.5)
    patients = np.array([f"p{number // 2}" for number in range(90)])
    shuffle = np.random.default_rng(1).permutation(90)
    one = paired_differences(labels, scores, [0.5, 0.5], patients, num_resamples=100)
    other = paired_differences(labels[shuffle], scores[:, shuffle], [0.5, 0.5], patients[shuffle], num_resamples=100)
    assert one == other


def test_pairing_makes_intervals_narrower():
    """For models that err together the paired interval is narrower than one of two separate samples."""
    labels, scores = draw(400, 3, 2.0, 2.0)
    paired = {item.figure: item.interval for item in paired_differences(labels, scores, [0.5, 0.5])[0]}
    rates = [(flags == labels).mean() for flags in scores >= 0.5]
    separate = 2 * 1.96 * np.sqrt(sum(rate * (1 - rate) / 400 for rate in rates))
    low, high = paired["accuracy"]
    assert high - low < 0.9 * separate


def test_the_intervals_cover():
    """Where two models are equally good, the 95 % interval of each difference holds 0 in at least 90 of 100 samples."""
    held = []
    for seed in range(150):
        labels, scores = draw(150, seed, 1.8, 1.8)
        items = paired_differences(labels, scores, [0.5, 0.5], num_resamples=300)[0]
        held.append([item.interval is None or item.interval[0] <= 0 <= item.interval[1] for item in items])
    shares = dict(zip(FIGURES, np.mean(held, axis=0), strict=True))
    assert all(share > 0.9 for share in shares.values()), shares


def test_a_clear_difference_is_found():
    """A model that reads far better shows an interval above 0 for accuracy and below it for the Brier score."""
    labels, scores = draw(400, 4, 0.5, 4.0)
    found = {item.figure: item for item in paired_differences(labels, scores, [0.5, 0.5])[0]}
    assert found["accuracy"].interval[0] > 0 and found["brier"].interval[1] < 0


def test_one_class_leaves_the_rest_undefined():
    """Without normal images there is no specificity to compare, and nothing fails."""
    found = {item.figure: item for item in paired_differences([1, 1, 1], [[0.4, 0.6, 0.7]] * 2, [0.5, 0.65])[0]}
    assert found["specificity"].difference is None
    assert found["sensitivity"].difference == pytest.approx(-1 / 3)


def test_thresholds_must_fit():
    """A threshold is needed for each model."""
    with pytest.raises(EvaluationError, match="one threshold"):
        paired_differences([0, 1], [[0.1, 0.9]], [0.5, 0.5])
