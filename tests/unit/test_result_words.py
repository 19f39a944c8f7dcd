"""The one place of the words for what is stored of a study."""

import ast
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core import result_words
from core.result_words import (
    AI_RESULT_HELP,
    AI_RESULTS,
    AI_RESULTS_SHORT,
    FINDINGS,
    READING_ORDER,
    READING_ORDER_HELP,
    operating_point_in_words,
    order_in_words,
    range_in_words,
    score_in_words,
)
from core.services.worklist.studies import BANDS
from core.services.worklist.verdicts import Verdict
from core.triage.ai_result import AIResult
from core.triage.priority import Priority
from core.ui.words import FINDING_ICONS, ORDER_ICONS, RESULT_COLOURS, RESULT_ICONS

SCORES = st.floats(0, 1)


def test_each_stored_value_has_words_and_no_other_has() -> None:
    """Results, bands and verdicts: a word, a sentence and a look for each, and none that is left over."""
    for table in (AI_RESULTS, AI_RESULTS_SHORT, AI_RESULT_HELP, RESULT_COLOURS, RESULT_ICONS):
        assert set(table) == set(AIResult)
    for table in (READING_ORDER, READING_ORDER_HELP, ORDER_ICONS):
        assert set(table) == set(Priority) == set(BANDS)
    assert set(FINDINGS) == set(FINDING_ICONS) == set(Verdict)


def test_no_two_stored_values_share_a_word() -> None:
    """What is shown tells them apart, also between the model's results, the order and the readers' findings."""
    said = [*AI_RESULTS.values(), *READING_ORDER.values(), *FINDINGS.values()]
    assert len(set(said)) == len(said) == 5 + 3 + 4
    assert len(set(AI_RESULTS_SHORT.values())) == len(AIResult)


def test_an_image_without_a_flag_is_not_shown_as_cleared() -> None:
    """Neither tick nor green, and its explanation says what it does not mean."""
    assert RESULT_ICONS[AIResult.NO_FLAG] is None and RESULT_COLOURS[AIResult.NO_FLAG] != "green"
    assert "does not exclude disease" in AI_RESULT_HELP["no_flag"]


def test_words_are_looked_up_in_the_current_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup goes through the translation each time, so that one process may speak two languages."""
    monkeypatch.setattr(result_words, "tr", lambda message, **values: message.upper())
    assert AI_RESULTS["flagged"] == "AI FLAGGED" and FINDINGS["normal"] == "NO PNEUMONIA"


def test_the_order_never_speaks_of_a_result() -> None:
    """The words for a place hold for any AI result: none of them says flagged, indeterminate or normal."""
    for band in BANDS:
        for is_escalated in (False, True):
            assert not {"flag", "indeterminate", "normal", "pneumonia"} & set(
                order_in_words(band, is_escalated).lower().replace(",", "").split()
            )
    assert order_in_words("urgent", is_escalated=True) == "Read first, escalated"


@pytest.mark.parametrize(
    ("score", "said"),
    [(0.0, "under 0.01"), (0.0049, "under 0.01"), (0.005, "0.01"), (0.5, "0.50"), (0.9949, "0.99"), (1.0, "over 0.99")],
)
def test_no_score_is_said_to_be_certain(score: float, said: str) -> None:
    """Two places never round to 0.00 or 1.00."""
    assert score_in_words(score) == said


@pytest.mark.parametrize(
    ("score", "said", "ends"),
    [
        (0.928, "0.928", "0.102–0.927"),
        (0.95, "0.95", "0.10–0.93"),
        (0.1024, "0.1024", "0.1025–0.9268"),
        (1.0, "over 0.99", "0.10–0.93"),
    ],
)
def test_a_score_near_an_end_of_the_range_is_told_from_it(score: float, said: str, ends: str) -> None:
    """Rounded to two places 0.928 would read as the end 0.9268 that it is above."""
    low, high = 0.1024839, 0.92681744
    assert (score_in_words(score, low, high), range_in_words(low, high, score)) == (said, ends)


def test_a_bound_is_never_on_the_other_side_of_a_limit() -> None:
    """Below an end of 0.0078 a score of 0.0039 is no "under 0.01", and above one of 0.992 none is "over 0.99"."""
    assert score_in_words(0.0039, 0.0039, 0.0078) == "0.004"
    assert score_in_words(0.9961, 0.992, 0.9961) == "0.996"


@given(score=SCORES, low=SCORES, high=SCORES)
@example(score=0.00390625, low=0.00390625, high=0.0078125)
def test_what_is_shown_never_contradicts_the_result(score: float, low: float, high: float) -> None:
    """Of a score that differs from an end by a millionth or more, the number shown lies on the true side of it."""
    low, high = sorted((low, high))
    assume(all(score == end or abs(score - end) > 2e-6 for end in (low, high)))
    shown = float(score_in_words(score, low, high).split()[-1])
    for end, shown_end in zip((low, high), map(float, range_in_words(low, high, score).split("–")), strict=True):
        if score < end:
            assert shown <= shown_end
        if score > end:
            assert shown >= shown_end


def test_ranges_of_results_are_said_in_one_line() -> None:
    """As the notice above a list has it; an end near 1 keeps the places that tell it from 1."""
    assert operating_point_in_words(0.1024839, 0.92681744) == (
        "No AI flag < 0.10 · indeterminate 0.10–0.93 · AI flagged > 0.93"
    )
    assert (
        operating_point_in_words(0.1, 0.9973) == "No AI flag < 0.100 · indeterminate 0.100–0.997 · AI flagged > 0.997"
    )
    assert operating_point_in_words(0.5, 0.5) == "No AI flag < 0.50 · AI flagged ≥ 0.50"


def test_no_result_is_named_that_no_score_can_have() -> None:
    """Nothing lies below 0 or above 1: an indeterminate range up to there leaves no such result."""
    assert operating_point_in_words(0, 0.9) == "indeterminate 0.00–0.90 · AI flagged > 0.90"
    assert operating_point_in_words(0.2, 1) == "No AI flag < 0.20 · indeterminate 0.20–1.00"
    assert operating_point_in_words(0, 1) == "indeterminate 0.00–1.00"
    assert operating_point_in_words(0, 0) == "AI flagged ≥ 0.00"


def test_the_words_are_in_one_place() -> None:
    """No page, figure or command has the words of a result, a place or a finding as a text of its own."""
    words = {*AI_RESULTS.values(), *READING_ORDER.values(), *FINDINGS.values()} - {"pneumonia"}
    root = Path(result_words.__file__).parent
    found = [
        f"{path.relative_to(root)}: {node.value}"
        for path in (*root.glob("ui/**/*.py"), *root.glob("cli/*.py"), *root.glob("figures/*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in words
    ]
    assert found == []
