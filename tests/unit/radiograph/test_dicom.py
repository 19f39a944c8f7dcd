"""DICOM images: the same picture however it is stored, typed refusals, and nothing that brings the reader down."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from core.errors import UnreadableFileError, UnusableFilmError
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import Radiograph, read_radiograph
from core.radiograph.rejection import RejectionReason as Reason
from tests.dicom_files import dataset_of, dicom_of, file_of
from tests.hostile_files import encoded

FILM = synthesise_phantom(3, size=128)


def read(content: bytes) -> Radiograph:
    return read_radiograph(content)


def wide(grey_HW: np.ndarray, bits: int = 12) -> np.ndarray:
    """The image's 256 greys spread over more bits, black at 0 and white at the top."""
    return np.round(grey_HW / 255 * (2**bits - 1)).astype(np.uint16)


def lut(values: list[int], first: int, bits: int = 16) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), first, bits])
    item.add_new("LUTData", "US", values)
    return item


TWELVE = {"BitsStored": 12, "HighBit": 11}
SAME_PICTURE = {
    "8 bits": lambda: dicom_of(FILM),
    "8 bits, inverted kind": lambda: dicom_of(255 - FILM, PhotometricInterpretation="MONOCHROME1"),
    "8 bits, inverse shape": lambda: dicom_of(255 - FILM, PresentationLUTShape="INVERSE"),
    "both inversions said": lambda: dicom_of(
        255 - FILM, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    ),
    "shape decides over kind": lambda: dicom_of(
        FILM, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY"
    ),
    "12 bits in 16": lambda: dicom_of(wide(FILM), **TWELVE),
    "12 bits, overlay in the others": lambda: dicom_of(wide(FILM) | np.uint16(0xF000), **TWELVE),
    "12 upper bits of 16": lambda: dicom_of(wide(FILM) << 4, BitsStored=12, HighBit=15),
    "signed": lambda: dicom_of((wide(FILM).astype(np.int32) - 2048).astype(np.int16), **TWELVE),
    "16 bits": lambda: dicom_of(FILM.astype(np.uint16) * 257),
    "window": lambda: dicom_of(FILM.astype(np.uint16) * 4 + 100, **TWELVE, WindowCenter=610.5, WindowWidth=1021),
    "several windows": lambda: dicom_of(
        FILM.astype(np.uint16) * 4 + 100, **TWELVE, WindowCenter=[610.5, 9], WindowWidth=[1021, 4]
    ),
    "window of no width": lambda: dicom_of(wide(FILM), **TWELVE, WindowCenter=5, WindowWidth=0),
    "half a window": lambda: dicom_of(wide(FILM), **TWELVE, WindowCenter=5),
    "rescaled": lambda: dicom_of(wide(FILM), **TWELVE, RescaleSlope=2, RescaleIntercept=-1000),
    "rescaled, window": lambda: dicom_of(
        FILM.astype(np.uint16) * 4,
        **TWELVE,
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=20.5,
        WindowWidth=2041,
    ),
    "modality LUT": lambda: dicom_of(
        (255 - FILM).astype(np.uint16), ModalityLUTSequence=Sequence([lut([257 * v for v in range(255, -1, -1)], 0)])
    ),
    "VOI LUT before window": lambda: dicom_of(
        FILM, VOILUTSequence=Sequence([lut([257 * v for v in range(256)], 0)]), WindowCenter=3, WindowWidth=2
    ),
    "deflated": lambda: recoded(DeflatedExplicitVRLittleEndian),
    "implicit": lambda: recoded(ImplicitVRLittleEndian),
    "no meta header": lambda: bare(ImplicitVRLittleEndian),
    "no meta header, explicit": lambda: bare(ExplicitVRLittleEndian),
    "run lengths": lambda: compressed(RLELossless),
    "JPEG 2000": lambda: compressed(JPEG2000Lossless),
    "odd character set": lambda: dicom_of(FILM, SpecificCharacterSet=["ISO 2022 IR 87", "no such set"]),
    "grey as RGB": lambda: dicom_of(
        np.repeat(FILM[..., None], 3, axis=2), PhotometricInterpretation="RGB", PlanarConfiguration=0
    ),
    "no kind, no samples": lambda: dicom_of(FILM, SamplesPerPixel=None),
}


def recoded(uid: str) -> bytes:
    dataset = dataset_of(FILM)
    dataset.file_meta.TransferSyntaxUID = uid
    return file_of(dataset)


def bare(uid: str) -> bytes:
    dataset = dataset_of(FILM)
    del dataset.file_meta
    implicit = uid == ImplicitVRLittleEndian
    return file_of(dataset, enforce_file_format=False, implicit_vr=implicit, little_endian=True)


def compressed(uid: str) -> bytes:
    dataset = dataset_of(FILM)
    dataset.compress(uid, generate_instance_uid=False)
    return file_of(dataset)


@pytest.mark.parametrize("form", SAME_PICTURE)
def test_one_picture_is_read_alike_however_it_is_stored(form: str) -> None:
    """Every bit depth, polarity, window, table and encoding gives the grey of the picture it was made of."""
    film = read(SAME_PICTURE[form]())
    # A window or 12 bits cannot hold the very value; half a grey level of 255 is as near as they come.
    np.testing.assert_allclose(film.pixels_HW, FILM / 255, atol=0.6 / 255)
    assert (film.width, film.height, film.file_format, film.colourfulness) == (128, 128, "DICOM", 0.0)


def test_an_eight_bit_film_keeps_its_very_values() -> None:
    """A plain 8-bit DICOM image is its picture, bit for bit, so that both are triaged alike."""
    film = read(dicom_of(FILM))
    assert film.grey_HW.dtype == np.uint8
    np.testing.assert_array_equal(film.grey_HW, FILM)


def test_padding_is_black_in_either_polarity() -> None:
    """What lies outside the image is dark, though its stored value may be the brightest or the darkest."""
    for kind, padding in (("MONOCHROME2", 4095), ("MONOCHROME1", 0)):
        values_HW = np.clip(wide(FILM), 1, 4094)
        values_HW[:10] = padding
        film = read(dicom_of(values_HW, **TWELVE, PixelPaddingValue=padding, PhotometricInterpretation=kind))
        assert film.whole_HW[:10].max() == 0
        assert film.pixels_HW[10:].max() > 0.5


def test_a_film_that_uses_few_of_its_bits_fills_the_range() -> None:
    """Without a window, values that fill less than half of what the bits allow run from black to white."""
    pixels_HW = read(dicom_of(FILM.astype(np.uint16) + 500)).pixels_HW
    assert pixels_HW.min() == 0 and pixels_HW.max() == 1


def test_reduced_reading_averages_blocks() -> None:
    """A large image comes at a half of its size as long as both sides stay, as the means of its pixels."""
    film = read_radiograph(dicom_of(FILM), shortest_side=60)
    assert film.grey_HW.shape == (64, 64) and film.width == 128
    means_HW = FILM.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(film.grey_HW, means_HW, atol=0.51)


@pytest.mark.parametrize(
    ("attributes", "age"),
    [
        ({"PatientAge": "003Y"}, 3),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "010D"}, 10 / 365.25),
        ({"PatientAge": "104W"}, 728 / 365.25),
        ({"PatientAge": "3 y"}, 3),
        ({"PatientAge": None}, None),
        ({"PatientAge": "Y"}, None),
        ({"PatientAge": "51"}, None),
        ({"PatientAge": "51", "PatientBirthDate": "20200301", "StudyDate": "20240301"}, None),
        ({"PatientAge": None, "PatientBirthDate": "20200301", "StudyDate": "20210228"}, 11 / 12),
        ({"PatientAge": None, "PatientBirthDate": "20200301", "StudyDate": "20240301"}, 4),
        ({"PatientAge": None, "PatientBirthDate": "20240301", "StudyDate": "20200301"}, None),
    ],
)
def test_the_age_is_what_the_file_says(attributes: dict, age: float | None) -> None:
    """Years, months, weeks and days are understood, else the two dates; what is implausible is not known."""
    assert read(dicom_of(FILM, **attributes)).age_years == (None if age is None else pytest.approx(age))


def test_burned_in_text_is_possible_unless_ruled_out() -> None:
    """Only a file that says NO is trusted; a picture format cannot say."""
    assert read(dicom_of(FILM)).may_show_text is False
    assert read(dicom_of(FILM, BurnedInAnnotation=None)).may_show_text is True
    assert read_radiograph(encoded(FILM)).may_show_text is None


REJECTED = {
    Reason.OTHER_MODALITY: {"Modality": "CT"},
    Reason.NOT_CHEST: {"BodyPartExamined": "HAND"},
    Reason.LATERAL: {"ViewPosition": "LL"},
    Reason.FOR_PROCESSING: {"PresentationIntentType": "FOR PROCESSING"},
    Reason.MULTI_FRAME: {"NumberOfFrames": 2},
}


@pytest.mark.parametrize("reason", REJECTED)
def test_what_the_file_itself_says_is_no_frontal_chest_film_is_rejected(reason: Reason) -> None:
    """Modality, body part, view, purpose and frames each have their own reason."""
    with pytest.raises(UnusableFilmError) as caught:
        read(dicom_of(FILM, **REJECTED[reason]))
    assert caught.value.reason == reason and len(caught.value.sentence) > 20


def without_pixels() -> bytes:
    dataset = dataset_of(FILM)
    del dataset.PixelData
    return file_of(dataset)


def with_syntax(uid: str) -> bytes:
    content = compressed(RLELossless)
    return content.replace(RLELossless.encode().ljust(20, b"\0"), uid.encode().ljust(20, b"\0"))


UNREADABLE = {
    "no pixels": (Reason.NO_PIXELS, without_pixels),
    "video": (Reason.MISSING_CODEC, lambda: recoded_as_video()),
    "cut in the pixels": (Reason.TRUNCATED, lambda: dicom_of(FILM)[:-4000]),
    "cut in the header": (Reason.TRUNCATED, lambda: dicom_of(FILM)[:400]),
    "only the preamble": (Reason.NOT_A_PICTURE, lambda: bytes(128) + b"DICM"),
    "huge": (Reason.TOO_MANY_PIXELS, lambda: dicom_of(FILM, Rows=60_000, Columns=60_000)),
    "no size": (Reason.UNSUPPORTED_PIXELS, lambda: dicom_of(FILM, Rows=0)),
    "odd depth": (Reason.UNSUPPORTED_PIXELS, lambda: dicom_of(FILM, BitsAllocated=32)),
    "more bits than room": (Reason.UNSUPPORTED_PIXELS, lambda: dicom_of(FILM, BitsStored=12)),
    "wrong length": (Reason.TRUNCATED, lambda: dicom_of(FILM, Rows=500)),
}


def recoded_as_video() -> bytes:
    dataset = dataset_of(FILM)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    return file_of(dataset)


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_decoded_fails_with_its_reason(case: str) -> None:
    """Damage, sizes, depths and codecs each have a reason of their own kind."""
    reason, make = UNREADABLE[case]
    with pytest.raises(UnreadableFileError) as caught:
        read(make())
    assert caught.value.reason in ({reason, Reason.NO_PIXELS} if case == "cut in the header" else {reason})


def jpeg_of(frame: bytes, uid: str, **size: int) -> bytes:
    """A DICOM file with a compressed frame as it is."""
    dataset = dataset_of(FILM, **size)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = uid
    return file_of(dataset)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.999, 0.99, 0.9, 0.7, 0.5, 0.3, 0.1])
def test_a_jpeg_that_is_cut_short_is_refused_as_it_is_outside(share: float, progressive: bool) -> None:
    """The same bytes are refused for the same reason, whether they are a .jpg or lie in a DICOM file."""
    whole = encoded(FILM, "JPEG", quality=90, progressive=progressive)
    part = whole[: int(len(whole) * share)]
    for content in (part, jpeg_of(part, JPEGBaseline8Bit)):
        with pytest.raises(UnreadableFileError, match="cut short") as caught:
            read(content)
        assert caught.value.reason == Reason.TRUNCATED
    assert read(jpeg_of(whole, JPEGBaseline8Bit)).pixels_HW.shape == FILM.shape


@pytest.mark.parametrize("name", ["JPGLosslessP14SV1_1s_1f_8b.dcm", "JPEGLSNearLossless_08.dcm"])
def test_other_kinds_of_jpeg_end_or_are_refused(name: str) -> None:
    """A lossless JPEG and a JPEG-LS are read whole, padded or not, and refused at half their length."""
    dataset = dcmread(get_testdata_file(name, download=False))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    uid, size = dataset.file_meta.TransferSyntaxUID, {"Rows": dataset.Rows, "Columns": dataset.Columns}
    for content in (frame, frame + b"\0\0"):
        assert read(jpeg_of(content, uid, **size)).whole_HW.shape == (dataset.Rows, dataset.Columns)
    with pytest.raises(UnreadableFileError, match="cut short") as caught:
        read(jpeg_of(frame[: len(frame) // 2], uid, **size))
    assert caught.value.reason == Reason.TRUNCATED


def test_deep_sequences_are_no_danger() -> None:
    """Thousands of sequences within one another end in an image or a refusal."""
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    content = dicom_of(FILM)
    place = content.index(b"\x08\x00\x60\x00CS")
    try:
        read(content[:place] + opening * 5000 + content[place:])
    except UnreadableFileError as error:
        assert error.reason in {Reason.TRUNCATED, Reason.NO_PIXELS, Reason.NOT_A_PICTURE}


def test_colour_is_seen(real_colours: np.ndarray) -> None:
    """A colour picture in DICOM is as colourful as it is in any other format."""
    content = dicom_of(real_colours, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    assert read(content).colourfulness == pytest.approx(read_radiograph(encoded(real_colours)).colourfulness)


@pytest.fixture
def real_colours() -> np.ndarray:
    values = np.zeros((64, 80, 3), np.uint8)
    values[..., 0], values[..., 1] = 200, np.arange(80)
    return values


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG1_UNCI.dcm", "RG1_J2KR.dcm"])
def test_a_real_adult_chest_is_read_upright_in_grey(name: str) -> None:
    """The lungs of a real MONOCHROME1 image are darker than the heart and the abdomen; its dates tell an adult."""
    path = Path(get_testdata_file(name, download=False))
    film = read_radiograph(path, shortest_side=400)
    height, width = film.pixels_HW.shape
    lung = film.pixels_HW[height // 3, width // 3]
    abdomen = film.pixels_HW[int(height * 0.9), width // 2]
    assert lung < abdomen and film.age_years == pytest.approx(64.5, abs=0.1)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "RG3_UNCR.dcm", "vlut_04.dcm"])
def test_real_files_of_other_kinds_are_rejected(name: str) -> None:
    """Tomographs, plans, ankles and others are named for what they are."""
    with pytest.raises(UnusableFilmError) as caught:
        read_radiograph(Path(get_testdata_file(name, download=False)))
    assert caught.value.reason in {Reason.OTHER_MODALITY, Reason.NOT_CHEST}
