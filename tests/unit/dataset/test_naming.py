"""Patients and subtypes as the standard dataset's file names give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.naming import NamedFilm, parse_kermany_name


@pytest.mark.parametrize(
    ("name", "patient", "subtype"),
    [
        ("person1_bacteria_1.jpeg", "bacterial-1", "bacterial"),
        ("person1_virus_6.jpeg", "viral-1", "viral"),
        ("person1000_bacteria_2931.jpeg", "bacterial-1000", "bacterial"),
        ("person23_bacteria_79_2.jpg", "bacterial-23", "bacterial"),
        ("PERSON7_VIRUS_1.JPG", "viral-7", "viral"),
        ("IM-0115-0001.jpeg", "IM-115", "normal"),
        ("IM-0435-0001-0002.jpeg", "IM-435", "normal"),
        ("NORMAL2-IM-0115-0001.jpeg", "NORMAL2-IM-115", "normal"),
        ("normal2-im-1440-0001-0001.jpg", "NORMAL2-IM-1440", "normal"),
        ("person0_virus_1.jpeg", "viral-0", "viral"),
        ("IM-0000-0001.jpeg", "IM-0", "normal"),
        (f"person{'9' * 5000}_virus_1.jpeg", f"viral-{'9' * 5000}", "viral"),
    ],
)
def test_names_of_the_standard_cohort(name: str, patient: str, subtype: str) -> None:
    """Every form of the standard names gives the patient and subtype worked out by hand."""
    assert parse_kermany_name(name) == NamedFilm(patient, subtype)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".jpeg", "person_bacteria_1.jpeg", "person1_bacteria_.jpeg", "person1_fungus_1.jpeg"),
        *("person1_bacteria_1.png", "person1_bacteria_1_2_3.jpeg", "xperson1_bacteria_1.jpeg"),
        *("person1_bacteria_1.jpeg\n", "person1_bacteria_1.jpeg.jpeg", "IM-0001.jpeg", "NORMAL3-IM-0001-0001.jpeg"),
        *("IM-0001-0001-0001-0001.jpeg", "person١_virus_1.jpeg", "perſon1_virus_1.jpeg", "IM--1-0001.jpeg"),
    ],
)
def test_other_names(name: str) -> None:
    """A name that only resembles the standard ones says nothing."""
    assert parse_kermany_name(name) is None


@given(st.text())
def test_any_text(name: str) -> None:
    """No text whatever makes the parser fail."""
    assert parse_kermany_name(name) is None or name.lower().endswith((".jpg", ".jpeg"))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 6))
def test_numbers_tell_patients_apart(one: int, other: int, zeros: int) -> None:
    """Patients are the same exactly when their numbers are, and never across subtypes."""
    first = parse_kermany_name(f"person{'0' * zeros}{one}_virus_1.jpeg")
    second = parse_kermany_name(f"person{other}_virus_2.jpeg")
    third = parse_kermany_name(f"person{one}_bacteria_1.jpeg")
    assert first is not None and second is not None and third is not None
    assert (first.patient == second.patient) == (one == other)
    assert first.patient != third.patient
