"""Ages the model was not made for."""

import pytest

from core.radiograph.identifiers import without_identifiers
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.reason_words import age_in_words
from core.reasons import AgeNotStated
from core.triage.scope import explain_age, is_age_in_scope, notes_on
from tests.dicom_files import dicom_of
from tests.hostile_files import encoded

FILM = synthesise_phantom(3, size=96)


@pytest.mark.parametrize(
    ("age", "is_in"), [(None, True), (0.9, False), (1, True), (5.99, True), (6, False), (64, False), (0, False)]
)
def test_whole_years_from_one_to_five_are_in_scope(age: float | None, is_in: bool) -> None:
    """A child of five counts until its sixth birthday; an unknown age is not held against an image."""
    assert is_age_in_scope(age) is is_in


@pytest.mark.parametrize(
    ("stated", "is_in"),
    [
        *(("365D", False), ("366D", True), ("052W", False), ("053W", True), ("313W", True), ("314W", False)),
        *(("011M", False), ("012M", True), ("071M", True), ("072M", False), ("001Y", True), ("005Y", True)),
        *(("006Y", False), ("051Y", False), ("000Y", False), ("999Y", False), (None, True), ("", True), (" 3y", True)),
        *(("51", False), ("3", False), ("Y", False), ("three", False), ("3.5Y", False), ("-03Y", False)),
        *(("003Z", False), ("00003Y", False), ("003YY", False)),
    ],
)
@pytest.mark.parametrize("road", [lambda content: content, without_identifiers], ids=["as it is", "cleaned"])
def test_what_a_file_states_decides_the_scope(stated: str | None, is_in: bool, road) -> None:
    """12 to under 72 months are in scope, in whatever unit; an age that cannot be understood is not, cleaned or not."""
    film = read_radiograph(road(dicom_of(FILM, PatientAge=stated)))
    assert is_age_in_scope(film.age_years, film.is_age_unclear) is is_in


def test_an_age_that_is_not_stated_is_said_where_the_file_could_have_stated_it() -> None:
    """A DICOM file without age gets the note, one with an age does not, and a picture cannot state one."""
    assert notes_on(read_radiograph(dicom_of(FILM, PatientAge=None))) == (AgeNotStated(),)
    assert notes_on(read_radiograph(dicom_of(FILM))) == ()
    assert notes_on(read_radiograph(encoded(FILM))) == ()
    assert "cannot be understood" in str(explain_age(None, 0.7))


@pytest.mark.parametrize(
    ("age", "words"), [(0.01, "under a month"), (1 / 12, "1 month"), (0.5, "6 months"), (64.9, "64 years")]
)
def test_ages_are_said_as_people_say_them(age: float, words: str) -> None:
    """Months below two years, whole years from then on."""
    assert age_in_words(age) == words
    assert words in str(explain_age(age, 0.7)) and "0.70" in str(explain_age(age, 0.7))
