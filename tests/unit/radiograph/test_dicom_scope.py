"""View and body part in the words of many places: codes first, words second, and unknown words say nothing."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from core.errors import UnusableFilmError
from core.radiograph.identifiers import without_identifiers
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason as Reason
from tests.dicom_files import dicom_of

FILM = synthesise_phantom(3, size=96)


def view_code(value: str, meaning: str = "") -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return Sequence([item])


LATERAL = (
    {"ViewPosition": None, "ViewCodeSequence": view_code("399067008")},
    {"ViewPosition": None, "ViewCodeSequence": view_code("R-10236")},
    {"ViewPosition": "", "ViewCodeSequence": view_code("X1", "left lateral")},
    {"ViewPosition": "AP", "ViewCodeSequence": view_code("399173006")},
    {"ViewPosition": None, "PatientOrientation": ["A", "F"]},
    {"ViewPosition": None, "PatientOrientation": ["P", "F"]},
    {"ViewPosition": None, "PatientOrientation": ["PL", "FA"]},
    {"ViewPosition": None, "BodyPartExamined": "CHEST LAT"},
    {"ViewPosition": None, "BodyPartExamined": "Thorax seitlich"},
    {"ViewPosition": "LL"},
    {"ViewPosition": "LEFT LATERAL"},
    {"ViewPosition": "Latéral"},
    {"ViewPosition": "RAO"},
)
FRONTAL = (
    *({"ViewPosition": words} for words in ("AP SUPINE", "PA UPRIGHT", "AP PORTABLE", "POSTEROANTERIOR", "ap", "PA")),
    *({"ViewPosition": words} for words in ("ANTERO-POSTERIOR", "AP_PA", "FRONTAL", "AP ERECT", "PA CHEST")),
    *({"ViewPosition": words} for words in ("", "SECRET^NAME", "1", "LORDOTIC")),
    {"ViewPosition": "LL", "ViewCodeSequence": view_code("399348003")},
    {"ViewPosition": "PA", "ViewCodeSequence": view_code("123456", "some view")},
    {"ViewPosition": "AP", "PatientOrientation": ["A", "F"]},
    {"ViewPosition": None, "PatientOrientation": ["L", "F"]},
    {"ViewPosition": None, "PatientOrientation": ["A"]},
    {"ViewPosition": None, "ViewCodeSequence": Sequence([])},
)
CHEST = (
    *("CHEST", "PECHO", "T?RAX", "THORAX PA", "CHEST_2V", "PORT CHEST", "Tórax", "", "SECRET^NAME", "CHEST ABDOMEN"),
    *("LUNGE", "RIBS"),
)
OTHER_PARTS = ("HAND", "ABDOMEN", "KNEE LEFT", "CSPINE", "HIP", "SKULL AP", "Becken", "FOOT_R")
ROADS = [lambda content: content, without_identifiers]


def reason_of(content: bytes) -> str | None:
    try:
        read_radiograph(content)
    except UnusableFilmError as error:
        assert "SECRET" not in error.sentence
        return error.reason
    return None


@pytest.mark.parametrize("road", ROADS, ids=["as it is", "cleaned"])
@pytest.mark.parametrize("attributes", LATERAL, ids=str)
def test_what_is_said_to_be_lateral_is_refused(attributes: dict, road) -> None:
    """Codes, words, orientation and body part are understood, before and after identifiers are taken away."""
    assert reason_of(road(dicom_of(FILM, **attributes))) == Reason.LATERAL


@pytest.mark.parametrize("road", ROADS, ids=["as it is", "cleaned"])
@pytest.mark.parametrize("attributes", FRONTAL, ids=str)
def test_what_is_not_said_to_be_lateral_is_left_to_the_gate(attributes: dict, road) -> None:
    """Frontal words of many places are known, codes count before words, and unknown words are held against nobody."""
    assert reason_of(road(dicom_of(FILM, **attributes))) is None


@pytest.mark.parametrize("part", CHEST)
def test_chests_and_unknown_words_are_read(part: str) -> None:
    """A chest by any name, and what is in no vocabulary, is not refused."""
    assert reason_of(dicom_of(FILM, BodyPartExamined=part, SpecificCharacterSet="ISO_IR 192")) is None


@pytest.mark.parametrize(("part", "charset"), [("TÓRAX", "ISO_IR 100"), ("胸部", "ISO_IR 192"), ("胸部", "GB18030")])
def test_a_chest_in_its_own_character_set_is_read(part: str, charset: str) -> None:
    """The file's own character set decodes its words, and a lateral view in it is refused."""
    assert reason_of(with_words(part, charset)) is None
    assert reason_of(with_words("側面" + part, "ISO_IR 192")) == Reason.LATERAL


def with_words(part: str, charset: str) -> bytes:
    """A file with a body part of these bytes, which the library itself would not write."""
    place, words = "X" * 14, part.encode({"ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8"}.get(charset, charset))
    content = dicom_of(FILM, ViewPosition=None, BodyPartExamined=place, SpecificCharacterSet=charset)
    return content.replace(place.encode(), words.ljust(len(place)))


@pytest.mark.parametrize("road", ROADS, ids=["as it is", "cleaned"])
@pytest.mark.parametrize("part", OTHER_PARTS)
def test_other_parts_are_refused(part: str, road) -> None:
    """Known words for other parts of the body are no chest, before and after identifiers are taken away."""
    assert reason_of(road(dicom_of(FILM, BodyPartExamined=part))) == Reason.NOT_CHEST


def test_no_words_of_the_file_are_kept_by_the_cleaning() -> None:
    """A name in ViewPosition or BodyPartExamined is gone after it."""
    content = without_identifiers(dicom_of(FILM, ViewPosition="SECRET^NAME", BodyPartExamined="SECRET CHEST"))
    assert b"SECRET" not in content and b"CHEST" in content
