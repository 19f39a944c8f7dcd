"""One file, one array: the same picture gives the same numbers, and nothing a file does brings the reader down."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from core.errors import UnreadableFileError
from core.radiograph.large_films import MAX_PIXELS
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason as Reason
from core.radiograph.resizing import resize_to_square
from tests.hostile_files import encoded, jpeg_that_says, png
from tests.other_user import as_nobody, needs_root

PHOTOMETRIC_TAG, ORIENTATION_TAG = 262, 274


def picture() -> np.ndarray:
    """All 256 grey values, without any symmetry, 131 wide and 97 high."""
    rows, columns = np.indices((97, 131))
    return ((rows * 3 + columns * 2 + rows * columns // 7) % 256).astype(np.uint8)


def fractions(grey_HW: np.ndarray) -> np.ndarray:
    return (grey_HW / np.float32(255)).astype(np.float32)


def tiff_white_is_zero(values_HW: np.ndarray) -> bytes:
    """A TIFF whose tag says that 0 is white; no encoder at hand writes it for 16 bits."""
    content = bytearray(encoded(values_HW, "TIFF"))
    (start,) = struct.unpack_from("<I", content, 4)
    (num_tags,) = struct.unpack_from("<H", content, start)
    for place in range(start + 2, start + 2 + 12 * num_tags, 12):
        if struct.unpack_from("<H", content, place)[0] == PHOTOMETRIC_TAG:
            struct.pack_into("<H", content, place + 8, 0)
    return bytes(content)


def png_rows(values: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in values)


def sixteen_bit_rgb_png(grey_HW: np.ndarray) -> bytes:
    wide_HW3 = np.repeat(grey_HW.astype(np.uint16)[:, :, None] * 257, 3, axis=2).astype(">u2")
    return png(grey_HW.shape[1], grey_HW.shape[0], 16, 2, png_rows(wide_HW3))


def wide(grey_HW: np.ndarray) -> np.ndarray:
    return grey_HW.astype(np.uint16) * 257


def image(grey_HW: np.ndarray, mode: str = "L") -> Image.Image:
    return Image.fromarray(grey_HW).convert(mode)


def key_only_cmyk(grey_HW: np.ndarray) -> Image.Image:
    none = Image.new("L", grey_HW.shape[::-1])
    return Image.merge("CMYK", [none, none, none, Image.fromarray(255 - grey_HW)])


LOSSLESS: dict[str, Callable[[np.ndarray], bytes]] = {
    "png": lambda g: encoded(g),
    "png rgb": lambda g: encoded(image(g, "RGB")),
    "png rgba": lambda g: encoded(image(g, "RGBA")),
    "png la": lambda g: encoded(image(g, "LA")),
    "png palette": lambda g: encoded(image(g, "P")),
    "png 16": lambda g: encoded(wide(g)),
    "png 16 rgb": sixteen_bit_rgb_png,
    "bmp": lambda g: encoded(g, "BMP"),
    "bmp rgb": lambda g: encoded(image(g, "RGB"), "BMP"),
    "gif": lambda g: encoded(g, "GIF"),
    "webp": lambda g: encoded(image(g, "RGB"), "WEBP", lossless=True),
    "webp rgba": lambda g: encoded(image(g, "RGBA"), "WEBP", lossless=True, exact=True),
    "tiff": lambda g: encoded(g, "TIFF"),
    "tiff lzw": lambda g: encoded(g, "TIFF", compression="tiff_lzw"),
    "tiff rgb": lambda g: encoded(image(g, "RGB"), "TIFF"),
    "tiff cmyk": lambda g: encoded(key_only_cmyk(g), "TIFF"),
    "tiff 16": lambda g: encoded(wide(g), "TIFF"),
    "tiff 16 deflate": lambda g: encoded(wide(g), "TIFF", compression="tiff_adobe_deflate"),
    "tiff 32": lambda g: encoded(g.astype(np.int32) * 257, "TIFF"),
    "tiff float": lambda g: encoded(fractions(g), "TIFF"),
    "tiff white is zero": lambda g: tiff_white_is_zero(255 - g),
    "tiff 16 white is zero": lambda g: tiff_white_is_zero(65535 - wide(g)),
}


@pytest.mark.parametrize("form", LOSSLESS)
def test_every_lossless_form_gives_the_same_array(form: str) -> None:
    """A picture's array is the grey value over 255 exactly, whatever lossless form it was saved in."""
    radiograph = read_radiograph(LOSSLESS[form](picture()))
    assert radiograph.pixels_HW.dtype == np.float32
    np.testing.assert_array_equal(radiograph.pixels_HW, fractions(picture()))
    assert (radiograph.width, radiograph.height, radiograph.colourfulness) == (131, 97, 0.0)
    assert radiograph.bit_depth == (32 if form in {"tiff 32", "tiff float"} else 16 if form.endswith(SIXTEEN) else 8)


SIXTEEN = ("png 16", "tiff 16", "tiff 16 deflate", "tiff 16 white is zero")


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))), st.sampled_from(sorted(LOSSLESS)))
def test_any_picture_in_any_lossless_form(grey_HW: np.ndarray, form: str) -> None:
    """The rule holds for every array of grey values, not for smooth ones alone."""
    np.testing.assert_array_equal(read_radiograph(LOSSLESS[form](grey_HW)).pixels_HW, fractions(grey_HW))


def test_every_lossless_form_gives_the_network_the_same_input() -> None:
    """The square made of the values as decoded is that made of the fractions, to the seventh decimal, in any form."""
    expected = resize_to_square(fractions(picture()), 64)
    for form, encode in LOSSLESS.items():
        square = read_radiograph(encode(picture())).to_square(64)
        assert square.dtype == np.float32 and square.shape == (64, 64)
        np.testing.assert_allclose(square, expected, atol=5e-7, err_msg=form)


def test_twelve_bits_in_sixteen_fill_the_range() -> None:
    """Detector values of 12 bits in a 16-bit file run from black to white, not to a sixteenth of it."""
    values_HW = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    pixels_HW = read_radiograph(encoded(values_HW)).pixels_HW
    np.testing.assert_allclose(pixels_HW, values_HW / 4095, atol=1e-7)


def test_orientation_is_obeyed_in_every_format() -> None:
    """A picture stored turned, with a tag that says so, is read upright, and its size is that of the upright one."""
    stored = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
    }
    for orientation, turn in stored.items():
        upright = Image.fromarray(picture()).convert("RGB")
        turned = upright if turn is None else upright.transpose(turn)
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = orientation
        for file_format, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
            radiograph = read_radiograph(encoded(turned, file_format, exif=exif, **options))
            np.testing.assert_array_equal(radiograph.pixels_HW, fractions(picture()))
            assert (radiograph.width, radiograph.height) == (131, 97), (file_format, orientation)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "TIFF", "WEBP"])
def test_the_first_of_many_frames_is_read(file_format: str) -> None:
    """Of an animation or a file of many pages the first picture counts."""
    first, second = image(picture(), "RGB"), image(255 - picture(), "RGB")
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encoded(first, file_format, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read_radiograph(content).pixels_HW, fractions(picture()))


def test_transparent_pixels_are_black() -> None:
    """What cannot be seen counts as the black around an image, and half seen counts half."""
    rgba = np.full((8, 9, 4), 200, np.uint8)
    rgba[:, :3, 3], rgba[:, 3:6, 3], rgba[:, 6:, 3] = 0, 128, 255
    pixels_HW = read_radiograph(encoded(Image.fromarray(rgba))).pixels_HW
    assert pixels_HW[:, :3].max() == 0
    assert pixels_HW[:, 3:6] == pytest.approx(200 / 255 * 128 / 255, abs=1 / 255)
    assert pixels_HW[:, 6:] == pytest.approx(200 / 255)


def test_colourfulness_is_the_spread_of_the_channels_over_the_brightest() -> None:
    """Pure colours have 1, greys and black 0, (60, 60, 100) has 40 of 100, whether bright or dark."""
    expected = {(255, 102, 0): 1, (60, 60, 100): 0.4, (120, 120, 200): 0.4, (90, 90, 90): 0, (0, 0, 0): 0}
    for colour, colourfulness in expected.items():
        radiograph = read_radiograph(encoded(Image.new("RGB", (40, 40), colour)))
        assert radiograph.colourfulness == pytest.approx(colourfulness)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_differs_little_from_what_it_was_made_of(mode: str) -> None:
    """Grey, colour and print JPEGs of a smooth picture come back within a few grey levels, as bytes or as a file."""
    ramp_HW = np.tile(np.linspace(20, 230, 160).round().astype(np.uint8), (120, 1))
    radiograph = read_radiograph(encoded(image(ramp_HW, "RGB").convert(mode), "JPEG", quality=95))
    assert radiograph.mode == mode and radiograph.file_format == "JPEG"
    np.testing.assert_allclose(radiograph.pixels_HW, fractions(ramp_HW), atol=4 / 255)


def test_reduced_decoding_keeps_the_sides_asked_for(tmp_path: Path) -> None:
    """A JPEG decoded small keeps both sides at or above the wish, tells its true size, and resizes to the same."""
    ramp_HW = np.add.outer(np.linspace(0, 120, 1000), np.linspace(0, 130, 1300)).astype(np.uint8)
    path = tmp_path / "film.jpg"
    path.write_bytes(encoded(ramp_HW, "JPEG", quality=95))
    whole, reduced = read_radiograph(path), read_radiograph(path, shortest_side=448)
    assert reduced.pixels_HW.shape == (500, 650) and whole.pixels_HW.shape == (1000, 1300)
    assert (reduced.width, reduced.height) == (1300, 1000)
    assert read_radiograph(path, shortest_side=501).pixels_HW.shape == (1000, 1300)
    difference = resize_to_square(whole.pixels_HW, 224) - resize_to_square(reduced.pixels_HW, 224)
    assert np.abs(difference).max() < 2 / 255


def test_reduced_decoding_moves_real_films_little(real_data: Path) -> None:
    """On native images the network's input differs by under one grey level on average when decoded small."""
    for path in sorted((real_data / "originals").rglob("*.jpeg"))[::20]:
        whole, reduced = read_radiograph(path), read_radiograph(path, shortest_side=448)
        difference = resize_to_square(whole.pixels_HW, 224) - resize_to_square(reduced.pixels_HW, 224)
        assert np.abs(difference).mean() < 1 / 255, path.name


def reason_of(source: Path | bytes) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read_radiograph(source)
    assert caught.value.sentence == str(caught.value) and len(caught.value.sentence) > 20
    return caught.value.reason


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_cut_short_is_refused(file_format: str, share: float) -> None:
    """A file without its end is never read as half an image."""
    draw = np.random.default_rng(0)
    content = encoded(image(draw.integers(0, 256, (90, 80), dtype=np.uint8), "RGB"), file_format)
    assert reason_of(content[: int(len(content) * share)]) == Reason.TRUNCATED


def test_what_is_no_picture_is_refused() -> None:
    """Emptiness, text and chance bytes each have a reason of their own kind."""
    assert reason_of(b"") == Reason.EMPTY_FILE
    assert reason_of(b"a letter, not an image" * 50) == Reason.NOT_A_PICTURE
    assert reason_of(np.random.default_rng(0).bytes(5000)) == Reason.NOT_A_PICTURE


def test_other_formats_are_refused_whatever_they_are_called() -> None:
    """Formats that are not on the list are not opened, PostScript above all, which would run a program."""
    assert reason_of(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n") == (
        Reason.NOT_A_PICTURE
    )
    assert reason_of(encoded(picture(), "PPM")) == Reason.NOT_A_PICTURE


def test_sizes_are_judged_before_anything_is_decoded() -> None:
    """A header of 60,000 by 60,000, and one just above the limit, are refused; the limit is no rounding matter."""
    assert reason_of(png(60_000, 60_000, 8, 0, b"\0" * 100)) == Reason.TOO_MANY_PIXELS
    assert reason_of(jpeg_that_says(picture(), 60_000, 60_000)) == Reason.TOO_MANY_PIXELS
    assert reason_of(png(MAX_PIXELS // 1000 + 1, 1000, 8, 0, b"\0" * 100)) == Reason.TOO_MANY_PIXELS
    assert reason_of(png(MAX_PIXELS // 8000, 8000, 8, 0, b"\0" * 100)) == Reason.TRUNCATED


def test_a_float_picture_without_numbers_is_refused() -> None:
    """Values that are not finite never reach a model."""
    assert reason_of(encoded(np.full((9, 9), np.nan, np.float32), "TIFF")) == Reason.TRUNCATED


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """A path that leads to nothing, or to a folder, is a sentence and no crash."""
    assert reason_of(tmp_path / "nowhere.png") == Reason.READ_ERROR
    assert reason_of(tmp_path) == Reason.READ_ERROR


@needs_root
def test_a_file_without_permission_is_refused(open_folder: Path) -> None:
    """Another user gets the reason for a file closed to it, and reads the open file beside it."""
    for name, rights in (("open.png", 0o644), ("closed.png", 0o600)):
        (open_folder / name).write_bytes(encoded(picture()))
        (open_folder / name).chmod(rights)

    def outcome(name: str) -> str:
        try:
            return str(read_radiograph(open_folder / name).width)
        except UnreadableFileError as error:
            return str(error.reason)

    assert as_nobody(lambda: outcome("open.png")) == "131"
    assert as_nobody(lambda: outcome("closed.png")) == Reason.NO_PERMISSION
    assert outcome("closed.png") == "131"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_damage_brings_the_reader_down(data: st.DataObject) -> None:
    """Whatever bytes are changed, left out or put in, the outcome is a sound array or a typed refusal."""
    content = bytearray(LOSSLESS[data.draw(st.sampled_from(sorted(LOSSLESS)))](picture()[:24, :31]))
    if data.draw(st.booleans()):
        content = bytearray(encoded(picture()[:24, :31], "JPEG"))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        if not content:
            break
    try:
        radiograph = read_radiograph(bytes(content), shortest_side=data.draw(st.sampled_from([None, 8])))
    except UnreadableFileError as error:
        assert error.reason in set(Reason)
        return
    assert radiograph.pixels_HW.ndim == 2 and radiograph.pixels_HW.dtype == np.float32
    assert radiograph.pixels_HW.min() >= 0 and radiograph.pixels_HW.max() <= 1


def test_a_picture_that_grows_beyond_all_films_while_it_is_decoded_is_refused_for_that(monkeypatch) -> None:
    """Where only decoding shows that a picture within the picture is huge, the reason is its size."""

    def load(self: Image.Image) -> None:
        raise Image.DecompressionBombError("exceeds limit")

    content = encoded(picture())
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(UnreadableFileError) as refused:
        read_radiograph(content)
    assert refused.value.reason == "too_many_pixels"
