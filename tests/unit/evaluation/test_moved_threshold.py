"""A report at another threshold."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.moved_threshold import at_threshold


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.integers(0, 5))
def test_it_is_the_report_made_anew(threshold: float, seed: int) -> None:
    """Moving a threshold gives figures and intervals as evaluating the images at it from the beginning would."""
    draw = np.random.default_rng(seed)
    labels, scores = draw.integers(0, 2, 40), np.round(draw.random(40), 2)
    patients = draw.integers(0, 25, 40).astype(str)
    options = {"num_resamples": 100, "seed": 3}
    whole = evaluate_probabilities(labels, scores, threshold, patients_N=patients, **options)
    base = evaluate_probabilities(labels, scores, 0.5, patients_N=patients, **options)
    assert at_threshold(base, labels, scores, threshold, patients, **options) == whole
