"""The figures of labelled images and their intervals."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from core.errors import EvaluationError
from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.ranking import average_precision, roc_auc

# Few distinct values, so that ties are common.
films = st.lists(st.tuples(st.booleans(), st.integers(0, 10).map(lambda tenth: tenth / 10)), min_size=1, max_size=60)


def draw_films(seed: int, num_films: int = 300, shift: float = 1.5, decimals: int = 2):
    """Return labels and overlapping probabilities with ties."""
    rng = np.random.default_rng(seed)
    labels = rng.random(num_films) < 0.6
    return labels, np.round(1 / (1 + np.exp(-rng.normal(labels * shift, 1.2))), decimals)


@pytest.mark.parametrize("seed", range(5))
def test_figures_agree_with_scikit_learn(seed):
    """Every figure that scikit-learn has is the same to 1e-9, with tied scores and scores on the threshold."""
    labels, probabilities = draw_films(seed)
    report = evaluate_probabilities(labels, probabilities, 0.5, num_resamples=0)
    found = probabilities >= 0.5
    expected = {
        "auc": reference.roc_auc_score(labels, probabilities),
        "average_precision": reference.average_precision_score(labels, probabilities),
        "accuracy": reference.accuracy_score(labels, found),
        "sensitivity": reference.recall_score(labels, found),
        "specificity": reference.recall_score(~labels, ~found),
        "precision": reference.precision_score(labels, found),
        "f1": reference.f1_score(labels, found),
        "brier": reference.brier_score_loss(labels, probabilities),
    }
    assert {name: getattr(report, name) for name in expected} == pytest.approx(expected, abs=1e-9)
    tn, fp, fn, tp = reference.confusion_matrix(labels, found).ravel()
    assert report.confusion.model_dump() == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}


def test_hand_computed_figures():
    """Six images worked out by hand give these figures; an image on the threshold is positive."""
    report = evaluate_probabilities([0, 0, 0, 1, 1, 1], [0.1, 0.5, 0.2, 0.4, 0.9, 0.5], 0.5, num_resamples=0)
    assert report.confusion.model_dump() == {"tn": 2, "fp": 1, "fn": 1, "tp": 2}
    # Pairs won by the pneumonia image: 0.4 beats 2 of 3, 0.9 beats 3, 0.5 beats 2 and ties 1: 7.5 of 9.
    assert report.auc == pytest.approx(7.5 / 9)
    assert report.brier == pytest.approx((0.01 + 0.25 + 0.04 + 0.36 + 0.01 + 0.25) / 6)
    assert (report.n, report.num_positive, report.num_patients, report.threshold) == (6, 3, 6, 0.5)
    assert report.sensitivity == report.specificity == report.precision == report.f1 == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_proportions_have_newcombes_published_wilson_intervals(hits, trials, low, high):
    """Sensitivity has the intervals of Newcombe 1998, table I, method 3."""
    probabilities = [0.9] * hits + [0.1] * (trials - hits)
    report = evaluate_probabilities([1] * trials, probabilities, 0.5, num_resamples=0)
    assert report.ci.sensitivity == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_what_needs_two_undefined(label):
    """With images of one class only, figures about the other class or about both are None, the rest stand."""
    report = evaluate_probabilities([label] * 4, [0.1, 0.2, 0.8, 0.9], 0.5)
    assert (report.auc, report.average_precision, report.ci.auc, report.ci.average_precision) == (None,) * 4
    assert report.accuracy == 0.5
    assert (report.sensitivity, report.specificity) == ((0.5, None) if label else (None, 0.5))
    assert (report.ci.sensitivity is None) is (label == 0)
    assert report.ci.brier is not None


def test_nothing_found_leaves_precision_undefined():
    """With no image above the threshold precision is None and F1 zero."""
    report = evaluate_probabilities([0, 1, 1], [0.1, 0.2, 0.3], 0.9)
    assert (report.precision, report.ci.precision, report.f1) == (None, None, 0.0)


def test_identical_scores_are_chance():
    """Equal scores have an AUC of exactly one half, and no interval that would feign certainty."""
    report = evaluate_probabilities([0, 1] * 20, [0.3] * 40, 0.5)
    assert (report.auc, report.ci.auc) == (0.5, None)
    assert report.average_precision == 0.5


def test_perfect_separation_claims_no_interval():
    """When every resample gives 1, no interval of width zero is claimed; Wilson still gives one."""
    report = evaluate_probabilities([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20, 0.5)
    assert (report.auc, report.ci.auc, report.ci.precision) == (1.0, None, None)
    assert report.ci.sensitivity[0] == pytest.approx(0.8389, abs=1e-4)


def test_no_films_is_a_report_of_nothing():
    """No image at all gives zero counts and no figure."""
    report = evaluate_probabilities([], [], 0.5)
    assert (report.n, report.num_positive, report.num_patients) == (0, 0, 0)
    assert {report.auc, report.accuracy, report.f1, report.brier, report.ece, report.ci.accuracy, report.ci.f1} == {
        None
    }


def test_a_single_film_is_no_crash():
    """One image has an accuracy and nothing that needs more."""
    report = evaluate_probabilities([1], [0.7], 0.5)
    assert (report.accuracy, report.auc, report.ci.brier) == (1.0, None, None)


def test_the_report_is_json_and_comes_back():
    """A report survives the trip through JSON, with null where a figure is undefined."""
    report = evaluate_probabilities([1, 1, 1], [0.1, 0.8, 0.9], 0.5, num_resamples=50)
    document = report.model_dump_json()
    assert json.loads(document)["auc"] is None
    assert type(report).model_validate_json(document) == report


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 1], [0.5], "do not belong together"),
        ([0, 2], [0.5, 0.5], "neither 0"),
        ([0, 1], [0.5, float("nan")], "1 of 2 scores"),
        ([0, 1], [0.5, 1.5], "between 0 and 1"),
    ],
)
def test_wrong_input_is_a_sentence(labels, probabilities, words):
    """Labels and probabilities that do not fit are refused in words."""
    with pytest.raises(EvaluationError, match=words):
        evaluate_probabilities(labels, probabilities, 0.5)


def test_patients_must_cover_the_films():
    """A patient missing for an image is refused."""
    with pytest.raises(EvaluationError, match="one for every image"):
        evaluate_probabilities([0, 1], [0.2, 0.8], 0.5, patients_N=["a"])


@given(films, st.randoms(use_true_random=False), st.integers(0, 10))
@settings(max_examples=40, deadline=None)
def test_order_does_not_matter(drawn, random, tenth):
    """Shuffling the images changes no figure and no interval."""
    films_with_patients = [(*film, f"patient {index % 7}") for index, film in enumerate(drawn)]
    shuffled = random.sample(films_with_patients, len(films_with_patients))

    def evaluate(rows):
        labels, probabilities, patients = zip(*rows, strict=True)
        return evaluate_probabilities(labels, probabilities, tenth / 10, patients_N=patients, num_resamples=40)

    assert evaluate(films_with_patients) == evaluate(shuffled)


@given(films)
@settings(max_examples=60, deadline=None)
def test_a_higher_threshold_flags_no_more(drawn):
    """With a rising threshold sensitivity never rises and specificity never falls."""
    labels, probabilities = zip(*drawn, strict=True)
    reports = [
        evaluate_probabilities(labels, probabilities, step / 20, num_resamples=0).confusion for step in range(22)
    ]
    assert all(a.tp >= b.tp and a.tn <= b.tn for a, b in pairwise(reports))
    assert reports[0].tn == reports[0].fn == reports[-1].tp == reports[-1].fp == 0


@given(films)
@settings(max_examples=60, deadline=None)
def test_ranking_figures_ignore_monotone_changes(drawn):
    """AUC and average precision depend on the order only, and swapping the classes mirrors the AUC."""
    labels = np.array([film[0] for film in drawn])
    scores = np.array([film[1] for film in drawn])
    assert roc_auc(labels, scores) == roc_auc(labels, np.exp(3 * scores) - 7)
    assert average_precision(labels, scores) == average_precision(labels, np.exp(3 * scores) - 7)
    if 0 < labels.sum() < len(labels):
        assert roc_auc(~labels, scores) == pytest.approx(1 - roc_auc(labels, scores), abs=1e-12)
    else:
        assert roc_auc(labels, scores) is None
