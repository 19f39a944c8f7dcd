"""The words that explain a finding."""

import pytest

from core.evaluation.operating_point import OperatingPoint
from core.triage.priority import explain, in_words

POINT = OperatingPoint(
    name="test", threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, rule="by hand", chosen_on="nothing"
)


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.93, "above the uncertain band 0.40 to 0.60"), (0.55, "above the threshold"), (0.45, "below the threshold")],
)
def test_the_reason_names_what_drove_it(probability: float, words: str) -> None:
    """A reason gives the probability and where it lies to the band."""
    sentence = str(explain(probability, POINT.finding(probability), POINT))
    assert f"{probability:.2f}" in sentence and words in sentence


def test_a_normal_film_is_never_said_to_be_free_of_disease() -> None:
    """The reason of a routine image says that disease is not excluded."""
    assert "does not exclude disease" in str(explain(0.1, "normal", POINT))


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.0, "under 0.01"), (0.0049, "under 0.01"), (0.005, "0.01"), (0.5, "0.50"), (0.9949, "0.99"), (1.0, "over 0.99")],
)
def test_no_probability_is_said_to_be_certain(probability: float, said: str) -> None:
    """Two places never round to 0.00 or 1.00."""
    assert in_words(probability) == said
