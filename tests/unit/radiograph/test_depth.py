"""Grey values are scaled by the bits they use, with a note where that is a guess; thumbnails are passed over."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core.errors import UnreadableFileError
from core.file_reasons import PolarityUnstated
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from tests.dicom_files import dataset_of, dicom_of, file_of
from tests.hostile_files import encoded

FILM = synthesise_phantom(3, size=128)


def wide(bits: int) -> np.ndarray:
    """The image over the whole range of some bits."""
    return np.round(FILM / 255 * (2**bits - 1))


def saved(values_HW: np.ndarray, file_format: str = "TIFF") -> bytes:
    stream = BytesIO()
    Image.fromarray(values_HW).save(stream, file_format)
    return stream.getvalue()


def unsigned_tiff(values_HW: np.ndarray) -> bytes:
    """A TIFF of 32 bits without sign: its sample format (tag 339) is 1, where Pillow writes 2."""
    signed = saved(values_HW.view(np.int32))
    return signed.replace(b"\x53\x01\x03\x00\x01\x00\x00\x00\x02\x00", b"\x53\x01\x03\x00\x01\x00\x00\x00\x01\x00")


FORMS = {
    **{f"{bits} bits in a 16-bit PNG": saved(wide(bits).astype(np.uint16), "PNG") for bits in (8, 10, 12, 14, 16)},
    **{f"{bits} bits in a 16-bit TIFF": saved(wide(bits).astype(np.uint16)) for bits in (10, 12, 14, 16)},
    **{f"{bits} bits in a float TIFF": saved(wide(bits).astype(np.float32)) for bits in (8, 12, 16)},
    "fractions": saved((FILM / 255).astype(np.float32)),
    **{f"{bits} bits in an int32 TIFF": saved(wide(bits).astype(np.int32)) for bits in (8, 12, 16, 31)},
    "12 bits below and above 0": saved((wide(12) - 2048).astype(np.int32)),
    "uint32": unsigned_tiff(wide(32).astype(np.uint32)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_depth_gives_the_greys_of_the_eight_bit_image(form: str) -> None:
    """Black is black and white is white, whatever number stands for it."""
    assert np.abs(read_radiograph(FORMS[form]).pixels_HW - FILM / 255).max() < 1 / 400


def test_a_guess_is_said_and_what_is_plain_is_not() -> None:
    """14 bits in 16 leave a note; 8 and full 16 bits none."""
    assert "uses 14" in str(read_radiograph(FORMS["14 bits in a 16-bit PNG"]).notes[0])
    assert read_radiograph(FORMS["16 bits in a 16-bit PNG"]).notes == ()
    assert read_radiograph(encoded(FILM)).notes == ()


def test_a_thumbnail_before_the_image_is_not_read_for_it() -> None:
    """Of a TIFF with several pages the largest is read."""
    stream = BytesIO()
    image = Image.fromarray(FILM)
    image.resize((40, 40)).save(stream, "TIFF", save_all=True, append_images=[image, image.resize((64, 64))])
    film = read_radiograph(stream.getvalue())
    assert (film.width, film.height) == (128, 128) and np.array_equal(film.grey_HW, FILM)


@pytest.mark.parametrize("kind", [None, "monochrome2", "Monochrome2 "])
def test_a_photometric_interpretation_that_is_missing_or_small_is_understood(kind: str | None) -> None:
    """One grey channel has one sensible meaning; that it was not stated is said."""
    film = read_radiograph(dicom_of(FILM, PhotometricInterpretation=kind))
    assert np.array_equal(film.grey_HW, FILM)
    assert len(film.notes) == (kind is None)


def test_a_missing_sign_is_none() -> None:
    """Values without PixelRepresentation are unsigned."""
    assert np.array_equal(read_radiograph(dicom_of(FILM, PixelRepresentation=None)).grey_HW, FILM)


def test_a_header_that_contradicts_its_compressed_picture_is_refused_for_that() -> None:
    """The reason names both sizes and does not call the file damaged."""
    dataset = dataset_of(FILM)
    dataset.compress("1.2.840.10008.1.2.4.90", generate_instance_uid=False)
    dataset.Rows = 100
    with pytest.raises(UnreadableFileError) as caught:
        read_radiograph(file_of(dataset))
    assert caught.value.reason == RejectionReason.UNSUPPORTED_PIXELS
    assert "128 by 100" in caught.value.sentence and "128 by 128" in caught.value.sentence


def test_a_damaged_depth_is_that_of_the_compressed_picture() -> None:
    """Where the kind of a header's number is damaged, the picture itself says how deep it is."""
    dataset = dataset_of(FILM)
    dataset.compress("1.2.840.10008.1.2.4.90", generate_instance_uid=False)
    whole = file_of(dataset)
    assert whole.count(b"\x28\x00\x01\x01US") == 1
    film = read_radiograph(whole.replace(b"\x28\x00\x01\x01US", b"\x28\x00\x01\x01U\xbb"))
    assert np.array_equal(film.grey_HW, FILM)


def test_a_damaged_word_for_the_greys_says_nothing() -> None:
    """A photometric interpretation that is no known word is as one that is not stated, read with a remark."""
    film = read_radiograph(dicom_of(FILM, PhotometricInterpretation="MON?CHROME2"))
    unstated = read_radiograph(dicom_of(FILM, PhotometricInterpretation=None))
    assert np.array_equal(film.grey_HW, FILM)
    assert film.notes == unstated.notes and film.notes == (PolarityUnstated(),)
