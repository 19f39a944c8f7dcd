"""What leaves a film's file at the door, and that the film stays the same."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom.uid import JPEG2000Lossless, RLELossless

from core.errors import RadiographError
from core.radiograph.identifiers import without_identifiers
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from tests.dicom_files import dataset_of, dicom_of, file_of
from tests.hostile_files import encoded

FILM = synthesise_phantom(5, size=96)
SECRETS = (b"Secret", b"SECRET-ID", b"20200301")


def dicom(**attributes: object) -> bytes:
    return dicom_of(FILM, PatientBirthDate="20200301", StudyDate="20240301", InstitutionName="Secret", **attributes)


def compressed(uid: str) -> bytes:
    dataset = dataset_of(FILM, PatientBirthDate="20200301")
    dataset.compress(uid, generate_instance_uid=False)
    return file_of(dataset)


def with_exif(file_format: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "Secret", orientation
    stream = BytesIO()
    options = {"comment": "SECRET-ID"} if file_format in {"JPEG", "GIF"} else {}
    if file_format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Patient", "Secret")
    Image.fromarray(FILM).save(stream, file_format, exif=exif, **options)
    return stream.getvalue() + (b"Secret" if file_format in {"JPEG", "PNG"} else b"")


FILES = {
    "dicom": lambda: dicom(),
    "dicom, window": lambda: dicom(WindowCenter=100, WindowWidth=150, PhotometricInterpretation="MONOCHROME1"),
    "dicom, run lengths": lambda: compressed(RLELossless),
    "dicom, JPEG 2000": lambda: compressed(JPEG2000Lossless),
    "jpeg": lambda: with_exif("JPEG"),
    "jpeg, turned": lambda: with_exif("JPEG", 6),
    "png": lambda: with_exif("PNG"),
    "png, turned": lambda: with_exif("PNG", 6),
    "tiff": lambda: with_exif("TIFF"),
    "gif": lambda: with_exif("GIF"),
}


@pytest.mark.parametrize("form", FILES)
def test_nothing_but_the_film_stays(form: str) -> None:
    """No name, number or date is left in any format; pixels and what the file says of its scope are the same."""
    content = FILES[form]()
    assert any(secret in content for secret in SECRETS)
    plain = without_identifiers(content)
    assert not any(secret in plain for secret in SECRETS)
    before, after = read_radiograph(content), read_radiograph(plain)
    np.testing.assert_array_equal(before.pixels_HW, after.pixels_HW)
    assert before.may_show_text == after.may_show_text
    assert after.age_years == before.age_years == (3 if form.startswith("dicom") else None)


def test_an_age_from_dates_stays_and_a_great_age_is_rounded() -> None:
    """The date of birth goes, the age it gave stays; who is over 89 is 90."""
    child = without_identifiers(dicom(PatientAge=None))
    assert read_radiograph(child).age_years == 4
    assert read_radiograph(without_identifiers(dicom(PatientAge="099Y"))).age_years == 90


@pytest.mark.parametrize(
    "content", [dicom(Modality="CT"), dicom(ViewPosition="LL"), dicom(NumberOfFrames=2), dicom()[:-500]]
)
def test_a_refused_film_keeps_its_reason(content: bytes) -> None:
    """Without its identifiers a file is refused for what it was refused for."""
    with pytest.raises(RadiographError) as before:
        read_radiograph(content)
    with pytest.raises(RadiographError) as after:
        read_radiograph(without_identifiers(content))
    assert before.value.reason == after.value.reason


def test_a_damaged_dicom_file_leaves_nothing_behind() -> None:
    """A file that cannot be taken apart is emptied, for nobody knows what stands in it."""
    damaged = dicom().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    assert not any(secret in without_identifiers(damaged) for secret in SECRETS)


def test_a_colour_picture_stays_one() -> None:
    """What must be refused for its colour is still in colour."""
    values = np.zeros((80, 80, 3), np.uint8)
    values[..., 0] = np.arange(80)
    content = encoded(values, "TIFF")
    assert read_radiograph(without_identifiers(content)).colourfulness == read_radiograph(content).colourfulness


def test_what_is_no_film_is_left_as_it_is() -> None:
    """Texts and archives are not touched here."""
    assert without_identifiers(b"a letter") == b"a letter"
