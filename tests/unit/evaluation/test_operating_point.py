"""How a threshold and its indeterminate range are chosen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import roc_curve

from core.errors import EvaluationError
from core.evaluation.operating_point import OperatingPoint, OperatingPointRule, RuleKind, choose_operating_point

films = st.lists(
    st.tuples(st.booleans(), st.one_of(st.integers(0, 8).map(lambda eighth: eighth / 8), st.floats(0, 1))),
    min_size=2,
    max_size=50,
).filter(lambda drawn: 0 < sum(film[0] for film in drawn) < len(drawn))
rules = st.builds(
    OperatingPointRule,
    kind=st.sampled_from([RuleKind.YOUDEN, RuleKind.TARGET_SENSITIVITY, RuleKind.COST_RATIO]),
    target=st.floats(0.01, 1),
    cost_ratio=st.floats(0.01, 100),
    uncertain_miss_rate=st.floats(0, 0.5),
    uncertain_false_alarm_rate=st.floats(0, 0.5),
    minimum_half_width=st.floats(0, 0.5),
)
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
PROBABILITIES = [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9]


def choose(labels, probabilities, **rule) -> OperatingPoint:
    """Choose by a rule whose band has no least width unless given."""
    rule = OperatingPointRule(**{"minimum_half_width": 0, **rule})
    return choose_operating_point(labels, probabilities, rule, name="screening", chosen_on="calibration images")


def rates(labels, probabilities, threshold):
    """Return sensitivity and specificity at a threshold."""
    labels, found = np.asarray(labels, dtype=bool), np.asarray(probabilities) >= threshold
    return found[labels].mean(), (~found)[~labels].mean()


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        ({"kind": "youden"}, 0.35),
        ({"kind": "target_sensitivity", "target": 1.0}, 0.35),
        ({"kind": "target_sensitivity", "target": 0.75}, 0.65),
        ({"kind": "target_sensitivity", "target": 0.5}, 0.75),
        ({"kind": "target_specificity", "target": 1.0}, 0.65),
        ({"kind": "target_specificity", "target": 0.75}, 0.35),
        ({"kind": "target_specificity", "target": 0.5}, 0.25),
        ({"kind": "cost_ratio", "cost_ratio": 5}, 0.35),
        ({"kind": "cost_ratio", "cost_ratio": 0.2}, 0.65),
    ],
)
def test_each_rule_by_hand(rule, threshold):
    """On eight images each rule gives the threshold worked out by hand, mid-gap and the lowest of equals."""
    assert choose(LABELS, PROBABILITIES, **rule).threshold == pytest.approx(threshold)


def test_the_band_by_hand():
    """With no miss and no false alarm allowed outside, the band spans the overlap; with a quarter each, it closes."""
    strict = choose(LABELS, PROBABILITIES, uncertain_miss_rate=0, uncertain_false_alarm_rate=0)
    assert (strict.uncertain_low, strict.uncertain_high) == pytest.approx((0.35, 0.65))
    loose = choose(LABELS, PROBABILITIES, uncertain_miss_rate=0.25, uncertain_false_alarm_rate=0.25)
    assert loose.uncertain_low == loose.threshold == loose.uncertain_high
    wide = choose(LABELS, PROBABILITIES, minimum_half_width=0.5)
    assert (wide.uncertain_low, wide.uncertain_high) == pytest.approx((0.0, 0.85))


def test_findings_around_the_band():
    """Both ends belong to the band; outside of it the threshold's side decides."""
    point = OperatingPoint(
        name="p", threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, rule="by hand", chosen_on="none"
    )
    found = [point.finding(p) for p in (0.0, 0.399, 0.4, 0.5, 0.6, 0.601, 1.0)]
    assert found == ["normal", "normal", "uncertain", "uncertain", "uncertain", "pneumonia", "pneumonia"]


def test_a_band_of_no_width_is_never_uncertain():
    """Without a band an image on the threshold is pneumonia and one below is normal."""
    point = OperatingPoint(
        name="p", threshold=0.5, uncertain_low=0.5, uncertain_high=0.5, rule="by hand", chosen_on="none"
    )
    assert [point.finding(p) for p in (0.49, 0.5, 0.51)] == ["normal", "pneumonia", "pneumonia"]


def test_separable_films_get_the_middle_of_the_gap():
    """With a gap between the classes each error-free rule puts the threshold in its middle."""
    for kind in RuleKind:
        point = choose([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9], kind=kind, target=1.0)
        assert point.threshold == pytest.approx(0.4)


def test_identical_scores_flag_everything():
    """When scores say nothing, no image is waved through."""
    point = choose([0, 1, 0, 1], [0.3] * 4)
    assert point.threshold == pytest.approx(0.15)


@pytest.mark.parametrize("seed", range(3))
def test_youden_agrees_with_scikit_learns_curve(seed):
    """The chosen threshold has the greatest Youden index on scikit-learn's ROC curve, to 1e-9."""
    rng = np.random.default_rng(seed)
    labels = rng.random(300) < 0.6
    probabilities = np.round(1 / (1 + np.exp(-rng.normal(labels * 2.0, 1.5))), 2)
    false_rate, true_rate, _ = roc_curve(labels, probabilities, drop_intermediate=False)
    sensitivity, specificity = rates(labels, probabilities, choose(labels, probabilities).threshold)
    assert sensitivity + specificity - 1 == pytest.approx(np.max(true_rate - false_rate), abs=1e-9)


def test_a_target_is_met_without_being_shaved_by_rounding():
    """Of 100 pneumonia images a sensitivity of 0.95 allows exactly five misses."""
    probabilities = np.r_[np.zeros(10), np.arange(1, 101) / 101]
    point = choose([0] * 10 + [1] * 100, probabilities, kind="target_sensitivity", target=0.95)
    assert rates([0] * 10 + [1] * 100, probabilities, point.threshold)[0] == 0.95
    # 1 - 0.9 is a little less than 0.1 in floating point, and must still allow one miss in ten.
    ten = np.arange(1, 11) / 11
    point = choose([0] + [1] * 10, np.r_[0.0, ten], kind="target_sensitivity", target=0.9)
    assert rates([1] * 10 + [0], np.r_[ten, 0.0], point.threshold)[0] == 0.9


@pytest.mark.parametrize("lower", [0.3, 0.5, 0.7])
def test_neighbouring_floating_point_numbers_are_told_apart(lower):
    """Two classes with no number between their scores are still divided."""
    for score in (lower, np.nextafter(lower, 1)):
        pair = [score, np.nextafter(score, 1)]
        assert rates([0, 1], pair, choose([0, 1], pair).threshold) == (1, 1)


def test_an_unreachable_specificity_is_a_sentence():
    """Normal images with the probability 1 cannot be cleared by any threshold."""
    with pytest.raises(EvaluationError, match=r"specificity of 0\.9.*lower target"):
        choose([0, 0, 1, 1], [1.0, 1.0, 1.0, 0.5], kind="target_specificity", target=0.9)


def test_one_class_is_a_sentence():
    """An operating point cannot be chosen on images of one class."""
    with pytest.raises(EvaluationError, match="Choosing an operating point needs images of both classes"):
        choose([1, 1], [0.2, 0.8])


def test_the_rule_is_told_in_words():
    """The stored sentence says the purpose, what it reached and on how many images."""
    point = choose(LABELS, PROBABILITIES, kind="target_sensitivity", target=0.75)
    assert "sensitivity of at least 0.75" in point.rule
    assert "sensitivity 0.750 and specificity 1.000 on 4 images with pneumonia and 4 without" in point.rule
    assert (point.name, point.chosen_on) == ("screening", "calibration images")


@pytest.mark.parametrize("wrong", [{"kind": "best"}, {"target": 0}, {"cost_ratio": -1}, {"typo": 1}])
def test_a_rule_refuses_nonsense(wrong):
    """Kinds, bounds and names of a rule are checked."""
    with pytest.raises(ValidationError):
        OperatingPointRule(**wrong)


def test_an_operating_point_cannot_be_changed_or_be_inside_out():
    """A chosen point is frozen, and its band must hold its threshold."""
    point = choose(LABELS, PROBABILITIES)
    with pytest.raises(ValidationError):
        point.threshold = 0.9
    with pytest.raises(ValidationError, match="must contain the threshold"):
        OperatingPoint(name="p", threshold=0.3, uncertain_low=0.4, uncertain_high=0.6, rule="", chosen_on="")


@given(films, rules)
@settings(max_examples=150, deadline=None)
def test_the_band_holds_the_threshold_and_its_promises(drawn, rule):
    """Whatever the images: the band contains the threshold, and outside it few enough images are misjudged."""
    labels, probabilities = (np.array(column) for column in zip(*drawn, strict=True))
    point = choose_operating_point(labels, probabilities, rule, name="p", chosen_on="synthetic images")
    assert 0 <= point.uncertain_low <= point.threshold <= point.uncertain_high <= 1
    findings = np.array([point.finding(p) for p in probabilities])
    assert (findings[labels] == "normal").mean() <= rule.uncertain_miss_rate + 1e-9
    assert (findings[~labels] == "pneumonia").mean() <= rule.uncertain_false_alarm_rate + 1e-9
    half_width = rule.minimum_half_width
    assert point.uncertain_low <= max(0, point.threshold - half_width)
    assert point.uncertain_high >= min(1, point.threshold + half_width)


@given(films, st.floats(0.01, 1), st.floats(0.01, 1))
@settings(max_examples=80, deadline=None)
def test_a_higher_target_lowers_the_threshold(drawn, first, second):
    """Asking for more sensitivity never raises the threshold, and each target is met."""
    labels, probabilities = zip(*drawn, strict=True)
    low, high = sorted((first, second))
    modest, strict = (choose(labels, probabilities, kind="target_sensitivity", target=target) for target in (low, high))
    assert strict.threshold <= modest.threshold
    assert rates(labels, probabilities, strict.threshold)[0] >= high - 1e-9


@given(films, rules, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_does_not_matter(drawn, rule, random):
    """Shuffled images give the same operating point, sentence included."""
    shuffled = random.sample(drawn, len(drawn))
    first, second = (
        choose_operating_point(*zip(*rows, strict=True), rule, name="p", chosen_on="drawn")
        for rows in (drawn, shuffled)
    )
    assert first == second
