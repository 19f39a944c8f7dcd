"""The patient bootstrap: what it draws, and whether its intervals hold what they promise."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from core.evaluation import bootstrap
from core.evaluation.bootstrap import bootstrap_intervals, draw_weights, percentile_interval
from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.ranking import weighted_auc, weighted_average_precision


def draw_clustered_films(rng: np.random.Generator, num_patients: int, films_per_patient: int):
    """Return labels, probabilities and patients; images of one patient are nearly copies of one another."""
    truth = np.repeat(np.arange(num_patients) % 2, films_per_patient)
    severity = np.repeat(rng.normal(size=num_patients), films_per_patient)
    logits = truth * 1.5 + severity + 0.1 * rng.normal(size=len(truth))
    return truth, 1 / (1 + np.exp(-logits)), np.repeat(np.arange(num_patients), films_per_patient)


def test_whole_patients_are_drawn():
    """Images of one patient always have the same weight, and each row draws as many patients as there are."""
    clusters = np.array([0, 0, 0, 1, 2, 2])
    weights = np.concatenate(list(draw_weights(clusters, 500, seed=1)))
    assert weights.shape == (500, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 4] == weights[:, 5]).all()
    assert (weights[:, [0, 3, 4]].sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(6), abs=0.15)


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    """Drawing in small blocks to save memory gives the same weights."""
    clusters = np.arange(50) // 2
    at_once = np.concatenate(list(draw_weights(clusters, 40, seed=3)))
    monkeypatch.setattr(bootstrap, "MAX_WEIGHTS_AT_ONCE", 333)
    blocks = list(draw_weights(clusters, 40, seed=3))
    assert len(blocks) > 1
    assert (np.concatenate(blocks) == at_once).all()


def test_weighted_figures_equal_those_of_repeated_films():
    """An image of weight 3 counts as three images, by scikit-learn's figures of the images written out."""
    rng = np.random.default_rng(5)
    scores = np.sort(np.round(rng.random(80), 1))
    labels = rng.random(80) < scores
    weights = rng.integers(0, 4, size=(6, 80))
    aucs = weighted_auc(labels, scores, weights.astype(float))
    precisions = weighted_average_precision(labels, scores, weights.astype(float))
    for row in range(6):
        repeated_labels, repeated_scores = np.repeat(labels, weights[row]), np.repeat(scores, weights[row])
        assert aucs[row] == pytest.approx(roc_auc_score(repeated_labels, repeated_scores), abs=1e-9)
        assert precisions[row] == pytest.approx(average_precision_score(repeated_labels, repeated_scores), abs=1e-9)


def test_intervals_equal_a_plain_loop_over_resamples():
    """The vectorised intervals are those of scikit-learn's figures on resampled images, one resample at a time."""
    rng = np.random.default_rng(8)
    labels, probabilities, patients = draw_clustered_films(rng, 40, 2)
    report = evaluate_probabilities(labels, probabilities, 0.5, patients_N=patients, num_resamples=60, seed=4)
    # The images are in ascending order of probability and the patients in the order of their names as text.
    order = np.argsort(probabilities)
    clusters = np.unique(patients.astype(str), return_inverse=True)[1][order]
    weights = np.concatenate(list(draw_weights(clusters, 60, seed=4))).astype(int)
    values = {"auc": [], "average_precision": [], "precision": [], "f1": [], "brier": []}
    for row in weights:
        repeated_labels, repeated = np.repeat(labels[order], row), np.repeat(probabilities[order], row)
        values["auc"].append(roc_auc_score(repeated_labels, repeated))
        values["average_precision"].append(average_precision_score(repeated_labels, repeated))
        values["precision"].append(precision_score(repeated_labels, repeated >= 0.5))
        values["f1"].append(f1_score(repeated_labels, repeated >= 0.5))
        values["brier"].append(np.mean((repeated_labels - repeated) ** 2))
    for name, drawn in values.items():
        assert getattr(report.ci, name) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=1e-9), name


def test_a_seed_repeats_and_another_differs():
    """The same seed gives the same intervals, another seed slightly different ones."""
    labels, probabilities, patients = draw_clustered_films(np.random.default_rng(0), 60, 1)
    first, again, other = (
        evaluate_probabilities(labels, probabilities, 0.5, patients_N=patients, num_resamples=200, seed=seed).ci
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.auc != other.auc
    assert first.auc == pytest.approx(other.auc, abs=0.05)


def test_copies_of_a_patient_do_not_narrow_the_interval():
    """Showing each image four times narrows nothing if the patients are known, and halves the width if they are not."""
    labels, probabilities, patients = draw_clustered_films(np.random.default_rng(2), 120, 1)
    many = [np.repeat(values, 4) for values in (labels, probabilities, patients)]

    def width(labels, probabilities, patients):
        ci = evaluate_probabilities(labels, probabilities, 0.5, patients_N=patients, num_resamples=1000).ci
        return ci.auc[1] - ci.auc[0]

    honest = width(labels, probabilities, patients)
    assert width(*many) == pytest.approx(honest, rel=0.1)
    assert width(many[0], many[1], None) == pytest.approx(honest / 2, rel=0.15)


def test_intervals_hold_their_promise():
    """In 200 simulated studies of 100 patients with two images each, about 95 % of the intervals hold the truth."""
    rng = np.random.default_rng(11)
    labels, probabilities, _ = draw_clustered_films(rng, 100_000, 1)
    truth = evaluate_probabilities(labels, probabilities, 0.5, num_resamples=0)
    hits = {"auc": 0, "brier": 0, "f1": 0}
    num_studies = 200
    for study in range(num_studies):
        labels, probabilities, patients = draw_clustered_films(rng, 100, 2)
        ci = evaluate_probabilities(labels, probabilities, 0.5, patients_N=patients, num_resamples=300, seed=study).ci
        for name in hits:
            low, high = getattr(ci, name)
            hits[name] += low <= getattr(truth, name) <= high
    # Four standard errors of 0.95 over 200 studies are 0.06; percentile intervals may be a little short of nominal.
    assert all(0.88 <= count / num_studies <= 0.995 for count in hits.values()), hits


def test_too_many_undefined_resamples_give_no_interval():
    """A figure undefined in over 5 % of the resamples has no interval; in fewer, those are left out."""
    values = np.linspace(0, 1, 100)
    few, many = values.copy(), values.copy()
    few[:5], many[:6] = np.nan, np.nan
    assert percentile_interval(few, 0.95) == pytest.approx(np.nanquantile(few, [0.025, 0.975]))
    assert percentile_interval(many, 0.95) is None
    assert percentile_interval(np.full(10, np.nan), 0.95) is None


def test_no_resamples_give_no_intervals():
    """Zero resamples are a way to ask for no bootstrap."""
    assert bootstrap_intervals(lambda weights: {"x": weights[:, 0]}, np.arange(3), num_resamples=0, seed=0) == {}
