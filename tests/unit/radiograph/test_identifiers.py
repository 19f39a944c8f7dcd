"""What leaves an image's file at the door, and that the image stays the same."""

import gzip
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from core.errors import RadiographError, UnreadableFileError, UnusableFilmError
from core.radiograph.identifiers import without_identifiers
from core.radiograph.not_kept import placeholder
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from tests.dicom_files import dataset_of, dicom_of, file_of
from tests.forms_of_one_image import dicom_forms, picture_forms
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


def reason_of(content: bytes) -> tuple[type[RadiographError], str]:
    with pytest.raises(RadiographError) as refused:
        read_radiograph(content)
    return type(refused.value), refused.value.reason


@pytest.mark.parametrize("content", [dicom(Modality="CT"), dicom(ViewPosition="LL"), dicom(NumberOfFrames=2)])
def test_a_refused_film_keeps_its_reason(content: bytes) -> None:
    """Without its identifiers a file is refused for what it was refused for."""
    expected = reason_of(content)
    assert reason_of(without_identifiers(content)) == expected


def bent(content: bytes, *steps: tuple[bytes, bytes]) -> bytes:
    for old, new in steps:
        assert old in content
        content = content.replace(old, new, 1)
    return content


def jpeg(**options: object) -> bytes:
    return encoded(FILM, "JPEG", quality=90, **options)


def behind_jfif(content: bytes) -> bytes:
    length = int.from_bytes(content[4:6], "big")
    return (
        content[:4]
        + (length + 12).to_bytes(2, "big")
        + content[6 : 4 + length]
        + b"Secret Jane!"
        + content[4 + length :]
    )


def commented(content: bytes) -> bytes:
    """A progressive JPEG with a comment before its last scan."""
    place = content.rindex(b"\xff\xda")
    return content[:place] + b"\xff\xfe\0\x08Secret" + content[place:]


def scans_with_text() -> bytes:
    """A progressive JPEG with text behind the coded pixels of its second scan."""
    content = jpeg(progressive=True)
    place = content.index(b"\xff\xc4", content.index(b"\xff\xda"))
    place = content.index(b"\xff\xc4", content.index(b"\xff\xda", place))
    return content[:place] + b"Secret Jane" + content[place:]


def png_with(*chunks: tuple[bytes, bytes], mode: str = "L") -> bytes:
    content = encoded(Image.fromarray(FILM).convert(mode), "PNG")
    extra = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    place = content.index(b"IDAT") - 4
    return content[:place] + extra + content[place:]


def palette_text() -> bytes:
    image = Image.fromarray(FILM // 2).convert("P")
    image.putpalette(bytes(value // 3 * 2 for value in range(384)) + b"Secret Jane " * 32)
    return encoded(image, "PNG")


def tiff_of(big: bool) -> bytes:
    return encoded(FILM, "TIFF", big_tiff=big, tiffinfo={270: "Secret Jane"})


def mpo() -> bytes:
    second = Image.fromarray(FILM[::-1])
    exif = Image.Exif()
    exif[0x010E] = "Secret"
    stream = BytesIO()
    Image.fromarray(FILM).save(stream, "MPO", save_all=True, append_images=[second], exif=exif)
    return stream.getvalue() + b"Secret"


def dicom_with_tail() -> bytes:
    dataset = dataset_of(FILM)
    dataset["PixelData"].value += b"Secret Jane "
    return file_of(dataset)


HIDING = {
    "fill bytes": lambda: bent(jpeg(comment=b"Secret"), (b"\xff\xfe", b"\xff\xff\xff\xfe")),
    "behind JFIF": lambda: behind_jfif(jpeg()),
    "MPO": mpo,
    "trailer": lambda: jpeg() + b"Secret" + b"\xff\xd9",
    "before the end": lambda: jpeg()[:-2] + b"Secret Jane\xff\xd9",
    "between scans": lambda: commented(jpeg(progressive=True)),
    "comment and restarts": lambda: jpeg(restart_marker_rows=2, comment=b"Secret"),
    "before a restart": lambda: bent(jpeg(restart_marker_rows=2), (b"\xff\xd1", b"Secret Jane\xff\xd1")),
    "at the end of a scan": lambda: scans_with_text(),
    "unused table": lambda: bent(jpeg(), (b"\xff\xdb", b"\xff\xdb\0\x43\x03" + b"Secret Jane 1234" * 4 + b"\xff\xdb")),
    "PNG chunk": lambda: png_with((b"tEXt", b"Name\0Secret"), (b"prVt", b"Secret")),
    "PNG palette": palette_text,
    "PNG palette of a grey one": lambda: png_with((b"PLTE", b"Secret" * 3), mode="RGB"),
    "TIFF": lambda: tiff_of(False),
    "BigTIFF": lambda: tiff_of(True),
    "DICOM tail": dicom_with_tail,
    "DICOM words": lambda: dicom(
        PhotometricInterpretation="MONOCHROME2",
        ViewPosition="AP Secret",
        BodyPartExamined="CHEST Secret",
        VOILUTFunction="Secret",
        PresentationLUTShape="Secret",
        PresentationIntentType="Secret",
        SOPClassUID="1.2.Secret",
    ),
}


@pytest.mark.parametrize("form", HIDING)
def test_no_corner_of_a_file_hides_a_name(form: str) -> None:
    """Whatever part of a readable file a name is in, it is gone, and the pixels are the same."""
    content = HIDING[form]()
    assert b"Secret" in content
    plain = without_identifiers(content)
    assert b"Secret" not in plain
    before, after = read_radiograph(content), read_radiograph(plain)
    np.testing.assert_array_equal(before.pixels_HW, after.pixels_HW)
    assert (before.notes, before.doubts, before.colourfulness) == (after.notes, after.doubts, after.colourfulness)


@pytest.mark.parametrize("forms", [dicom_forms, picture_forms])
def test_every_form_is_read_the_same_after_cleaning(forms) -> None:
    """Of 290 forms of one image each gives the same pixels, remarks or reason as before, or is not kept for it."""
    wrong = []
    for name, content in forms(FILM):
        try:
            before = read_radiograph(content)
        except RadiographError as error:
            before = error
        try:
            after = read_radiograph(without_identifiers(content))
        except RadiographError as error:
            after = error
        if isinstance(before, RadiographError) or isinstance(after, RadiographError):
            same = type(before) is type(after) and before.reason == after.reason
        else:
            same = np.array_equal(before.pixels_HW, after.pixels_HW) and before.notes == after.notes
            same &= before.doubts == after.doubts and before.age_years == after.age_years
        if not same:
            wrong.append((name, before, after))
    assert not wrong


def tiff_by_hand(values: np.ndarray, photometric: int, sample_format: int) -> bytes:
    height, width = values.shape
    said = {256: width, 257: height, 258: values.itemsize * 8, 259: 1, 262: photometric, 273: 200, 277: 1, 278: height}
    said |= {279: values.nbytes, 339: sample_format}
    entries = b"".join(struct.pack("<HHII", tag, 4 if value > 65535 else 3, 1, value) for tag, value in said.items())
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", len(said)) + entries).ljust(200, b"\0") + values.tobytes()


@pytest.mark.parametrize(
    ("kind", "white", "photometric", "sample_format"),
    [("<u4", 4e9, 1, 1), ("<u2", 6e4, 0, 1), ("<f4", 3e4, 1, 3), ("<i4", 2e9, 1, 2), ("<i2", 3e4, 1, 2)],
)
def test_samples_a_png_cannot_hold_stay_as_they_are(
    kind: str, white: float, photometric: int, sample_format: int
) -> None:
    """Numbers of 32 bits, whole or not, with a sign, and 16 bits where white is 0 are the same after cleaning."""
    content = tiff_by_hand((FILM / 255 * white).astype(kind), photometric, sample_format)
    before, after = read_radiograph(content), read_radiograph(without_identifiers(content))
    np.testing.assert_array_equal(before.pixels_HW, after.pixels_HW)
    assert before.pixels_HW.std() > 0.1 and before.notes == after.notes


def test_what_stands_for_a_file_says_why_and_nothing_else() -> None:
    """In place of a file that was not kept lies its reason, read as such; of another reason than those it is a text."""
    assert reason_of(placeholder("truncated", "a1")) == (UnreadableFileError, "truncated")
    with pytest.raises(RadiographError, match=r"was not kept.*send it uncompressed or as JPEG 2000"):
        read_radiograph(placeholder("missing_codec", "a1"))
    assert reason_of(placeholder("Jane", "a1")) == (UnreadableFileError, "not_a_picture")


UNCLEANABLE = {
    "text": (lambda: b"Secret", "not_a_picture"),
    "HL7": (lambda: b"MSH|^~\\&|RIS|Secret\rPID|1||SECRET-ID", "not_a_picture"),
    "PDF": (lambda: b"%PDF-1.4 Secret", "not_a_picture"),
    "packed DICOM": (lambda: gzip.compress(dicom()), "not_a_picture"),
    "half a JPEG": (lambda: jpeg(comment=b"Secret")[:900], "truncated"),
    "half a DICOM": (lambda: dicom()[:-500], "truncated"),
    "TIFF without a picture": (lambda: b"II*\0\x08\0\0\0Secret", "not_a_picture"),
    "damaged transfer syntax": (
        lambda: bent(dicom(), (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")),
        "truncated",
    ),
    "compressed pixels that are none": (lambda: undecodable(), "truncated"),
}


def undecodable() -> bytes:
    dataset = dataset_of(FILM)
    dataset.PixelData = encapsulate([b"Secret Jane "])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return file_of(dataset)


@pytest.mark.parametrize("form", UNCLEANABLE)
def test_what_cannot_be_cleaned_is_refused(form: str) -> None:
    """No image, or one that is damaged, is not returned at all, and the reason is the reader's."""
    make, reason = UNCLEANABLE[form]
    with pytest.raises(UnreadableFileError) as refused:
        without_identifiers(make())
    assert refused.value.reason == reason == reason_of(make())[1]


def test_an_undecodable_film_out_of_scope_keeps_its_reason_without_its_pixels() -> None:
    """The header says why it is refused; compressed bytes that nobody could look into are not kept."""
    dataset = dataset_of(FILM, Modality="CT")
    dataset.PixelData = encapsulate([b"Secret Jane "])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    plain = without_identifiers(file_of(dataset))
    assert b"Secret" not in plain and reason_of(plain) == (UnusableFilmError, "other_modality")


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 5}]
)
def test_a_jpeg_stays_as_it_is_coded(options: dict[str, object]) -> None:
    """Coefficients are not coded again, however they lie in the file: but for a comment it is byte for byte the
    same.
    """
    plain = jpeg(**options)
    assert without_identifiers(jpeg(comment=b"Secret", **options)) == without_identifiers(plain)
    coded = plain[plain.index(b"\xff\xda") :]
    assert without_identifiers(plain).endswith(coded)


def hidden_at_the_ends(content: bytes, hidden: bytes) -> bytes:
    """The JPEG with these bytes behind the coded pixels of each piece of its scans."""
    start = content.index(b"\xff\xda")
    start += 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    return content[:start] + re.sub(rb"\xff[\xc4\xd0-\xd9]", lambda marker: hidden + marker[0], content[start:])


@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 5}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 40])
def test_no_byte_is_kept_behind_the_last_pixel(options: dict[str, object], mode: str, length: int) -> None:
    """However few bytes stand behind the coded pixels of a piece, they are gone, and the pixels are the same."""
    content = encoded(Image.fromarray(FILM).convert(mode), "JPEG", quality=90, **options)
    hiding = hidden_at_the_ends(content, b"Z" * length)
    plain = without_identifiers(hiding)
    assert b"Z" * length in hiding and plain == without_identifiers(content)
    np.testing.assert_array_equal(read_radiograph(plain).grey_HW, read_radiograph(content).grey_HW)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("L", {"progressive": True}),
        ("RGB", {"progressive": True}),
        ("RGB", {"restart_marker_blocks": 5}),
        ("RGB", {"subsampling": "4:2:0"}),
        ("CMYK", {}),
        ("CMYK", {"restart_marker_rows": 1}),
    ],
)
def test_a_jpeg_of_any_colours_stays_one(mode: str, options: dict[str, object]) -> None:
    """Whatever its channels, a usual file keeps its coded pixels to the last byte."""
    content = encoded(Image.fromarray(FILM).convert(mode), "JPEG", quality=90, **options)
    assert without_identifiers(content).endswith(content[content.index(b"\xff\xda") :])


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_damaged_jpeg_reads_the_same_after_cleaning_or_is_refused(options: dict[str, object]) -> None:
    """Of 150 JPEGs with a byte changed or a piece doubled each keeps its pixels, or is refused as it is by reading."""
    content, draw = jpeg(**options), np.random.default_rng(5)
    for number in range(150):
        damaged, place = bytearray(content), int(draw.integers(2, len(content)))
        if number % 2:
            damaged[place] = int(draw.integers(256))
        else:
            damaged[place:place] = damaged[place : place + int(draw.integers(1, 200))]
        try:
            plain = without_identifiers(bytes(damaged))
        except UnreadableFileError:
            continue
        np.testing.assert_array_equal(read_radiograph(plain).grey_HW, read_radiograph(bytes(damaged)).grey_HW)


def test_real_films_of_both_classes_stay_as_they_are_coded(real_data: Path) -> None:
    """None becomes a PNG: one class alone has restart markers, so that its format would tell the label."""
    files = sorted((real_data / "originals").rglob("*.jp*g"))[::9]
    for path in files:
        content = path.read_bytes()
        plain = without_identifiers(content)
        assert plain.startswith(b"\xff\xd8"), path
        np.testing.assert_array_equal(read_radiograph(plain).grey_HW, read_radiograph(content).grey_HW)
        small = read_radiograph(content, shortest_side=200).grey_HW
        np.testing.assert_array_equal(read_radiograph(plain, shortest_side=200).grey_HW, small)


def test_a_colour_picture_stays_one() -> None:
    """What must be refused for its colour is still in colour."""
    values = np.zeros((80, 80, 3), np.uint8)
    values[..., 0] = np.arange(80)
    content = encoded(values, "TIFF")
    assert read_radiograph(without_identifiers(content)).colourfulness == read_radiograph(content).colourfulness
