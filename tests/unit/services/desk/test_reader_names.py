"""A reader's name is kept as one readable line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WorklistError
from core.services.desk.reader_names import LONGEST_NAME, checked_name, clean_reader_name


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


def test_one_person_is_one_reader_by_every_door() -> None:
    """A name that a program sends with other spaces or accents is the name that the page keeps."""
    assert checked_name(" Dr.  Zoe\u0308\u202e\n") == clean_reader_name("Dr. Zoë") == "Dr. Zoë"


@pytest.mark.parametrize(
    ("name", "said"), [(None, "Say who reads"), ("\u200b ", "Say who reads"), ("x" * 129, "at most 128")]
)
def test_no_name_and_one_too_long_are_refused(name: str | None, said: str) -> None:
    """Nothing that can be seen is no name; a long one is refused, not cut."""
    with pytest.raises(WorklistError, match=said):
        checked_name(name)
