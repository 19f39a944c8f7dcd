"""A reader's name is kept as one readable line."""

from hypothesis import given
from hypothesis import strategies as st

from core.services.desk.reader_names import LONGEST_NAME, clean_reader_name


def test_spaces_and_control_characters_are_smoothed() -> None:
    """What was pasted becomes one line; letters of any script stay."""
    assert clean_reader_name("  Dr.\tZoë \n Ōe\u202e ") == "Dr. Zoë Ōe"


def test_nothing_is_no_name() -> None:
    """Blank text and text of control characters alone name nobody."""
    assert clean_reader_name(" \n\u200b") is None


@given(st.text(max_size=200))
def test_a_cleaned_name_stays_as_it_is(text: str) -> None:
    """Cleaning twice is cleaning once, and a name never outgrows its limit or its line."""
    name = clean_reader_name(text)
    if name is not None:
        assert 0 < len(name) <= LONGEST_NAME and len(name.splitlines()) == 1
        assert clean_reader_name(name) == name
