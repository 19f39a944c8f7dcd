"""Whatever the work on one file raises becomes that file's own typed error, and is logged without what it quotes."""

import logging
from pathlib import Path

import numpy as np
import pytest

from core.errors import RadiographError, UnreadableFileError, UnusableFilmError
from core.radiograph import pictures
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from core.reasons import Blank
from tests.dicom_files import dicom_of

EIGHT_IN_SIXTEEN = {"BitsAllocated": 16, "BitsStored": 8, "HighBit": 7}


def test_an_error_nobody_foresaw_is_typed_and_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The sentence and the log name the kind of error and the place in the code, never the text it quotes."""

    class StrangeError(Exception):
        pass

    def fail(*_: object) -> None:
        raise StrangeError("Secret^Name")

    monkeypatch.setattr(pictures, "open_picture", fail)
    with caplog.at_level(logging.ERROR), pytest.raises(UnreadableFileError) as caught:
        read_radiograph(b"any bytes")
    assert caught.value.reason == RejectionReason.UNEXPECTED_ERROR
    assert "StrangeError in test_file_errors.py" in caught.value.sentence
    assert "StrangeError" in caplog.text and "reading.py:" in caplog.text
    assert "Secret" not in caplog.text + caught.value.sentence


def test_typed_errors_pass_as_they_are() -> None:
    """A reason that a reader gave is not replaced."""
    given = UnusableFilmError("blank", Blank())
    with pytest.raises(RadiographError) as caught, typed_file_errors():
        raise given
    assert caught.value is given


@pytest.mark.parametrize("shortest_side", [None, 64, 896])
def test_eight_bits_in_sixteen_are_read_at_every_size(shortest_side: int | None) -> None:
    """A large DICOM radiograph that stores 8 bits in 16 is averaged down as its 8-bit twin is."""
    film_HW = np.kron(synthesise_phantom(5, size=256), np.ones((8, 8), np.uint8))
    stored = read_radiograph(dicom_of(film_HW.astype(np.uint16), **EIGHT_IN_SIXTEEN), shortest_side=shortest_side)
    twin = read_radiograph(dicom_of(film_HW), shortest_side=shortest_side)
    assert stored.grey_HW.dtype == np.uint8
    assert np.array_equal(stored.grey_HW, twin.grey_HW)
