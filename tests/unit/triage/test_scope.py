"""Ages the model was not made for."""

import pytest

from core.triage.scope import age_in_words, explain_age, is_age_in_scope


@pytest.mark.parametrize(
    ("age", "is_in"), [(None, True), (0.9, False), (1, True), (5.99, True), (6, False), (64, False), (0, False)]
)
def test_whole_years_from_one_to_five_are_in_scope(age: float | None, is_in: bool) -> None:
    """A child of five counts until its sixth birthday; an unknown age is not held against a film."""
    assert is_age_in_scope(age) is is_in


@pytest.mark.parametrize(
    ("age", "words"), [(0.01, "under a month"), (1 / 12, "1 month"), (0.5, "6 months"), (64.9, "64 years")]
)
def test_ages_are_said_as_people_say_them(age: float, words: str) -> None:
    """Months below two years, whole years from then on."""
    assert age_in_words(age) == words
    assert words in explain_age(age, 0.7) and "0.70" in explain_age(age, 0.7)
