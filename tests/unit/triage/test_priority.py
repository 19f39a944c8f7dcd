"""The reasons that go with a score."""

import pytest

from core.evaluation.operating_point import OperatingPoint
from core.triage.priority import explain

POINT = OperatingPoint(
    name="test", threshold=0.5, uncertain_low=0.4, uncertain_high=0.6, rule="by hand", chosen_on="nothing"
)


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.93, "AI score 0.93, above the indeterminate range 0.40–0.60"),
        (0.55, "AI score 0.55, within the indeterminate range 0.40–0.60: a human must decide"),
        (0.1, "AI score 0.10, below the indeterminate range 0.40–0.60; this does not exclude disease"),
    ],
)
def test_the_reason_names_what_drove_it(score: float, words: str) -> None:
    """A reason gives the score and where it lies to the range; below it, that disease is not excluded."""
    assert str(explain(score, POINT.finding(score), POINT)) == words
