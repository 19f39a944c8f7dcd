"""Greys by what a DICOM file means: empty tables, narrow windows, wrong depths, empty slopes and contradictions."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from core.file_reasons import LutDepthContradicted
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import Radiograph, read_radiograph
from tests.dicom_files import dicom_of

FILM = synthesise_phantom(3, size=128)
WORDS = np.round(FILM / 255 * 4095).astype(np.uint16)
TWELVE = {"BitsStored": 12, "HighBit": 11}
WINDOW = {"WindowCenter": 2048, "WindowWidth": 2001}
WINDOWED = np.clip((WORDS - 1047.5) / 2000, 0, 1)
"""DICOM PS3.3 C.11.2.1.2: (x - (2048 - 0.5)) / (2001 - 1) + 0.5."""


def lut(values: np.ndarray, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), 0, bits])
    item.add_new("LUTData", "US", values.tolist())
    return item


def half_lut() -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 12])
    return item


IDENTITY = np.arange(4096)
FORMS = {
    "empty VOI LUT item, good window": ({"VOILUTSequence": Sequence([Dataset()]), **WINDOW}, WINDOWED),
    "VOI LUT without data, good window": ({"VOILUTSequence": Sequence([half_lut()]), **WINDOW}, WINDOWED),
    "empty VOI LUT item, good one": (
        {"VOILUTSequence": Sequence([Dataset(), lut(4095 - IDENTITY, 12)])},
        1 - WORDS / 4095,
    ),
    "first window of no width": ({"WindowCenter": [9, 2048], "WindowWidth": [0, 2001]}, WINDOWED),
    # 0 to 1 after the slope, shown from 0.1 to 0.9: (x - 0.5) / 0.8 + 0.5.
    "window narrower than 1": (
        {"RescaleSlope": 1 / 4095, "RescaleIntercept": 0, "WindowCenter": 0.5, "WindowWidth": 0.8},
        np.clip((WORDS / 4095 - 0.1) / 0.8, 0, 1),
    ),
    "window of 1": (
        {"RescaleSlope": 1 / 4095, "RescaleIntercept": 0, "WindowCenter": 0.5, "WindowWidth": 1},
        WORDS / 4095,
    ),
    "window of 2 on a tiny slope": (
        {"RescaleSlope": 2 / 4095, "RescaleIntercept": 0, "WindowCenter": 1, "WindowWidth": 2},
        WORDS / 4095,
    ),
    "VOI LUT of 12 bits said to be 16": ({"VOILUTSequence": Sequence([lut(IDENTITY, 16)])}, WORDS / 4095),
    "VOI LUT of 16 bits said to be 12": ({"VOILUTSequence": Sequence([lut(IDENTITY * 16, 12)])}, WORDS * 16 / 65535),
    "modality LUT of 12 bits": ({"ModalityLUTSequence": Sequence([lut(4095 - IDENTITY, 12)])}, 1 - WORDS / 4095),
    "modality LUT of 12 bits said to be 16": (
        {"ModalityLUTSequence": Sequence([lut(4095 - IDENTITY, 16)])},
        1 - WORDS / 4095,
    ),
    "empty modality LUT": ({"ModalityLUTSequence": Sequence([Dataset()])}, WORDS / 4095),
    "empty slope": ({"RescaleSlope": "", "RescaleIntercept": "", **WINDOW}, WINDOWED),
    "slope without intercept": (
        {"RescaleSlope": 2, "WindowCenter": 4096, "WindowWidth": 4001},
        (WORDS - 1047.75) / 2000,
    ),
    "empty window": ({"WindowCenter": "", "WindowWidth": ""}, WORDS / 4095),
    "window and empty padding": ({"PixelPaddingValue": None, **WINDOW}, WINDOWED),
}


def read(grey_HW: np.ndarray = WORDS, **attributes: object) -> Radiograph:
    depth = TWELVE if grey_HW.dtype == np.uint16 else {}
    return read_radiograph(dicom_of(grey_HW, **{**depth, **attributes}))


@pytest.mark.parametrize("form", FORMS)
def test_greys_are_what_the_file_means(form: str) -> None:
    """Every pixel has the grey that the first usable table, window or range gives by hand."""
    attributes, expected_HW = FORMS[form]
    assert np.abs(read(**attributes).pixels_HW - np.clip(expected_HW, 0, 1)).max() < 1 / 1000


def test_a_depth_that_is_not_as_declared_is_said() -> None:
    """A VOI LUT that holds fewer bits than it declares leaves a note; one that holds them none."""
    (note,) = read(VOILUTSequence=Sequence([lut(IDENTITY, 16)])).notes
    assert note == LutDepthContradicted(16, 12)
    assert read(VOILUTSequence=Sequence([lut(IDENTITY, 12)])).notes == ()


@pytest.mark.parametrize(
    ("kind", "shape", "stored_HW"),
    [
        ("MONOCHROME1", "IDENTITY", FILM),
        ("MONOCHROME1", "IDENTITY", 255 - FILM),
        ("MONOCHROME2", "INVERSE", FILM),
        ("MONOCHROME2", "INVERSE", 255 - FILM),
    ],
)
def test_the_dark_lungs_decide_where_the_file_contradicts_itself(kind: str, shape: str, stored_HW: np.ndarray) -> None:
    """The image comes out with dark lungs however it was stored, and the doubt is said."""
    film = read(stored_HW, PhotometricInterpretation=kind, PresentationLUTShape=shape)
    assert np.array_equal(film.grey_HW, FILM)
    (doubt,) = film.doubts
    assert f"{kind} with {shape}" in str(doubt) and "so that the lungs are dark" in str(doubt)


def test_where_lungs_and_spine_are_alike_the_presentation_decides() -> None:
    """An image that shows neither is shown as its presentation LUT says, under doubt."""
    grey_HW = np.full((128, 128), 128, np.uint8)
    grey_HW[40:60, 40:90], grey_HW[70:90, 40:90] = 250, 5
    film = read(grey_HW, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY")
    assert np.array_equal(film.whole_HW, grey_HW)
    assert "leaves it open" in str(film.doubts[0])


@pytest.mark.parametrize(
    ("kind", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY"), ("MONOCHROME1", None)]
)
def test_files_that_agree_with_themselves_raise_no_doubt(kind: str, shape: str | None) -> None:
    """What DICOM asks for is taken at its word."""
    assert read(FILM, PhotometricInterpretation=kind, PresentationLUTShape=shape).doubts == ()
