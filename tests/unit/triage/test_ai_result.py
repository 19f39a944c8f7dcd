"""The AI result: one of five, by status and finding, at the limits of the indeterminate range exactly."""

from math import nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.operating_point import OperatingPoint
from core.triage.ai_result import AIResult, ai_result
from core.triage.priority import Status


def point(low: float, threshold: float, high: float) -> OperatingPoint:
    """An operating point with this range around its threshold."""
    return OperatingPoint(
        name="test", threshold=threshold, uncertain_low=low, uncertain_high=high, rule="by hand", chosen_on="nothing"
    )


@pytest.mark.parametrize(
    ("score", "result"),
    [
        (0.0, AIResult.NO_FLAG),
        (nextafter(0.1, 0), AIResult.NO_FLAG),
        (0.1, AIResult.INDETERMINATE),
        (0.88, AIResult.INDETERMINATE),
        (0.93, AIResult.INDETERMINATE),
        (nextafter(0.93, 1), AIResult.FLAGGED),
        (1.0, AIResult.FLAGGED),
    ],
)
def test_both_ends_of_the_range_are_indeterminate(score: float, result: AIResult) -> None:
    """Only the next number below or above the range has no flag or a flag, whichever side of the threshold it is."""
    assert ai_result("read", point(0.1, 0.88, 0.93).finding(score)) is result


@pytest.mark.parametrize(
    ("score", "result"), [(nextafter(0.5, 0), AIResult.NO_FLAG), (0.5, AIResult.FLAGGED), (0.9, AIResult.FLAGGED)]
)
def test_without_a_range_the_threshold_decides(score: float, result: AIResult) -> None:
    """A range of no width holds nothing."""
    assert ai_result("read", point(0.5, 0.5, 0.5).finding(score)) is result


@pytest.mark.parametrize("finding", [None, "pneumonia", "normal", "uncertain"])
def test_what_was_not_analysed_has_no_other_result(finding: str | None) -> None:
    """An unsuitable image and a file error are said to be that, whatever else a row holds."""
    assert ai_result("rejected", finding) is AIResult.UNSUITABLE
    assert ai_result("failed", finding) is AIResult.FILE_ERROR


@given(finding=st.none() | st.text(max_size=20).filter(lambda text: text not in ("pneumonia", "normal")))
def test_what_is_not_known_is_indeterminate(finding: str | None) -> None:
    """A finding that is none never becomes a flag, nor the absence of one."""
    assert ai_result("read", finding) is AIResult.INDETERMINATE


def test_a_status_that_is_none_is_refused() -> None:
    """There are three, and no result is guessed for another."""
    assert {ai_result(status, None) for status in Status} == set(AIResult) - {AIResult.FLAGGED, AIResult.NO_FLAG}
    with pytest.raises(ValueError, match="lost"):
        ai_result("lost", "normal")
