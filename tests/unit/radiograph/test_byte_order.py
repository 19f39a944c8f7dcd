"""Big-endian DICOM files give the pixels of their little-endian twins, also once identifiers are taken away."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian

from core.radiograph.identifiers import without_identifiers
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from tests.dicom_files import dataset_of, file_of

FILM = synthesise_phantom(3, size=128)
WORDS = np.round(FILM / 255 * 4095).astype(np.uint16)
TWELVE = {"BitsStored": 12, "HighBit": 11}


def big_endian(dataset: Dataset) -> bytes:
    """Return the file with its words, pixels and tables, written high byte first."""
    if dataset.BitsAllocated == 16 or dataset["PixelData"].VR == "OW":
        dataset["PixelData"].value = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    return file_of(dataset)


def table(vr: str) -> Dataset:
    """A VOI LUT that turns 4,096 values into 16 bits, from white to black."""
    values = np.arange(4095, -1, -1, dtype=np.uint16) * 16
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 16])
    item.add_new("LUTData", vr, values.astype(">u2").tobytes() if vr == "OW" else values.tolist())
    return item


def words_of_bytes() -> Dataset:
    """8-bit pixels stored in words: every pair of them lies the other way round."""
    dataset = dataset_of(FILM)
    dataset["PixelData"].VR = "OW"
    return dataset


FORMS = {
    "16 bits": (lambda: dataset_of(FILM.astype(np.uint16) * 257), FILM / 255),
    "12 bits": (lambda: dataset_of(WORDS, **TWELVE), WORDS / 4095),
    "signed": (lambda: dataset_of((WORDS.astype(np.int32) - 2048).astype(np.int16), **TWELVE), WORDS / 4095),
    "window": (
        lambda: dataset_of(WORDS, **TWELVE, WindowCenter=2048, WindowWidth=2001),
        np.clip((WORDS - 1047.5) / 2000, 0, 1),
    ),
    "table of words": (
        lambda: dataset_of(WORDS, **TWELVE, VOILUTSequence=Sequence([table("OW")])),
        (4095.0 - WORDS) * 16 / 65535,
    ),
    "table of numbers": (
        lambda: dataset_of(WORDS, **TWELVE, VOILUTSequence=Sequence([table("US")])),
        (4095.0 - WORDS) * 16 / 65535,
    ),
    "8 bits": (lambda: dataset_of(FILM), FILM / 255),
    "8 bits in words": (words_of_bytes, FILM / 255),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("road", [lambda content: content, without_identifiers], ids=["as it is", "cleaned"])
def test_big_endian_files_are_read_as_their_twins(form: str, road) -> None:
    """Every pixel has the grey that its stored value stands for."""
    make, expected_HW = FORMS[form]
    film = read_radiograph(road(big_endian(make())))
    assert np.abs(film.pixels_HW - expected_HW).max() < 1 / 1000
