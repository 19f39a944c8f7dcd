"""Every format of the registry is recognised, read, cleaned, indexed and named alike, whatever the file is called."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.dataset.walking import walk_pictures
from core.errors import UnreadableFileError
from core.radiograph.formats import ENDINGS, FORMAT_NAMES, IMAGE_FORMATS, NUM_HEAD_BYTES, format_of, looks_like_image
from core.radiograph.identifiers import without_identifiers
from core.radiograph.image_format import ImageFormat, Origin
from core.radiograph.not_kept import placeholder
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from tests.dicom_files import dicom_of
from tests.hostile_files import encoded

FILM = synthesise_phantom(3, size=64)


def _described() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "Secret"
    return exif


SAMPLES: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encoded(FILM, "JPEG", comment=b"Secret", quality=100),
    "PNG": lambda: encoded(FILM, "PNG"),
    "BMP": lambda: encoded(FILM, "BMP"),
    "TIFF": lambda: encoded(FILM, "TIFF", description="Secret"),
    "WebP": lambda: encoded(FILM, "WEBP", lossless=True, exif=_described()),
    "GIF": lambda: encoded(FILM, "GIF", comment=b"Secret"),
    "DICOM": lambda: dicom_of(FILM, PatientName="Secret", PatientID="S-17"),
}
EACH = pytest.mark.parametrize("known", IMAGE_FORMATS, ids=lambda known: known.name)


@EACH
def test_a_format_is_told_by_its_first_bytes(known: ImageFormat) -> None:
    """The head is enough, and nothing else begins so."""
    content = SAMPLES[known.name]()
    assert format_of(content) is known and looks_like_image(content[:NUM_HEAD_BYTES])
    assert [other.name for other in IMAGE_FORMATS if other.begins(content)] == [known.name]


@EACH
def test_a_format_is_read_and_cleaned_to_the_same_pixels(known: ImageFormat) -> None:
    """Cleaning leaves the pixels and takes what the file says beside them; what it leaves is of a known format."""
    content = SAMPLES[known.name]()
    plain = without_identifiers(content)
    before, after = read_radiograph(content), read_radiograph(plain)
    assert np.array_equal(before.grey_HW, after.grey_HW)
    assert np.abs(before.pixels_HW - FILM / 255).max() < 0.06
    assert b"Secret" not in plain and looks_like_image(plain)


@EACH
def test_a_format_is_indexed_by_its_endings_or_its_content(known: ImageFormat, tmp_path: Path) -> None:
    """A file called so is an image even when it is damaged, and one called otherwise by what it holds."""
    for number, ending in enumerate(known.endings):
        (tmp_path / f"damaged{number}{ending.upper()}").write_bytes(b"nothing")
    (tmp_path / "IM0001").write_bytes(SAMPLES[known.name]())
    (tmp_path / "notes").write_bytes(b"nothing")
    walk = walk_pictures(tmp_path)
    assert len(walk.pictures) == len(known.endings) + 1 and walk.other_files == ["notes"]


def test_only_a_dicom_file_says_of_whom_it_is() -> None:
    """Pictures have no origin to replace by a pseudonym."""
    origins = {known.name: known.origin(SAMPLES[known.name]()) for known in IMAGE_FORMATS}
    assert origins.pop("DICOM").patient == "S-17" and set(origins.values()) == {Origin()}


def test_a_dicom_file_that_begins_as_a_tiff_is_a_dicom_file() -> None:
    """The 128 bytes before its mark belong to whoever wrote it."""
    assert format_of(b"II*\0" + SAMPLES["DICOM"]()[4:]).name == "DICOM"


def test_endings_belong_to_one_format_and_are_small() -> None:
    """No file name is of two formats."""
    assert len(set(ENDINGS)) == len(ENDINGS)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in ENDINGS)


@pytest.mark.parametrize("content", [b"no picture at all", placeholder(RejectionReason.NOT_A_PICTURE, "tag")])
def test_a_refusal_names_every_format(content: bytes) -> None:
    """What is no picture, or was none when it was sent, is answered with the formats that are read."""
    with pytest.raises(UnreadableFileError, match=FORMAT_NAMES) as caught:
        read_radiograph(content)
    assert caught.value.reason is RejectionReason.NOT_A_PICTURE
    assert all(name in caught.value.sentence for name in SAMPLES)


def test_a_bitmap_without_its_head_is_read() -> None:
    """What begins as no format may still be a picture to its decoder."""
    content = encoded(FILM, "DIB")
    assert not looks_like_image(content)
    assert np.array_equal(read_radiograph(content).grey_HW, np.asarray(Image.fromarray(FILM)))
