"""Writes the files that a real folder holds beside images, and says what is expected of each.

`python -m tests.hostile_files FOLDER` writes them.
"""

import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image, ImageDraw, ImageFont

from core.radiograph.phantom import synthesise_phantom
from core.radiograph.rejection import RejectionReason as Reason

BOMB_BYTES = 40 * 10**6
LONG_NAME = "long name " + "x" * 230 + ".png"
NESTED_NAME = "2024/März/Ward ５/胸部 正面 — żółć.png"


@dataclass(frozen=True)
class ExpectedFile:
    """One row of the list: the name it must have, its status, and the code of the reason unless it is read."""

    name: str
    status: str
    reason: Reason | None = None


def write_hostile_files(folder: Path, film_HW: np.ndarray | None = None) -> list[ExpectedFile]:
    """Write all of them into a folder; those that must be read hold `film_HW` (uint8), else a drawn image."""
    film_HW = synthesise_phantom(7, size=256) if film_HW is None else film_HW
    folder.mkdir(parents=True, exist_ok=True)
    return [*_damaged(folder, film_HW), *_no_films(folder), *_archives(folder, film_HW), *_readable(folder, film_HW)]


def encoded(picture: Image.Image | np.ndarray, file_format: str = "PNG", **options: object) -> bytes:
    """Return a picture as the bytes of a file."""
    stream = BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(stream, file_format, **options)
    return stream.getvalue()


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
    """Return a PNG put together by hand, so that its header may say what no encoder would."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg_that_says(film_HW: np.ndarray, width: int, height: int) -> bytes:
    """Return a JPEG whose frame header lies about its size."""
    content = bytearray(encoded(film_HW, "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def screenshot(background: int, text: int, bar: int, size: tuple[int, int] = (1280, 800)) -> Image.Image:
    """Return a window with a title bar, a menu and lines of text, in grey."""
    image = Image.new("L", size, background)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.rectangle((0, 0, size[0], 60), fill=bar)
    for row in range(22):
        draw.text((250, 90 + 31 * row), f"Row {row}: patient, date of birth, study, ward, status", fill=text, font=font)
    for row in range(12):
        draw.text((20, 90 + 50 * row), f"Menu entry {row}", fill=text, font=font)
    return image


def _write(folder: Path, files: dict[str, bytes], status: str, reason: Reason | None = None) -> list[ExpectedFile]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return [ExpectedFile(name, status, reason) for name in files]


def _damaged(folder: Path, film_HW: np.ndarray) -> list[ExpectedFile]:
    jpeg = encoded(film_HW, "JPEG", quality=90)
    bombs = {
        "header_bomb.png": png(60_000, 60_000, 8, 0, b"\0" * 1000),
        "header_bomb.jpg": jpeg_that_says(film_HW, 60_000, 60_000),
    }
    no_pictures = {
        "text.jpg": b"Dear colleague,\nplease find the image attached.\n" * 20,
        "random.png": np.random.default_rng(0).bytes(20_000),
    }
    return [
        *_write(folder, {"empty.jpg": b""}, "failed", Reason.EMPTY_FILE),
        *_write(folder, {"truncated.jpg": jpeg[: len(jpeg) // 2]}, "failed", Reason.TRUNCATED),
        *_write(folder, no_pictures, "failed", Reason.NOT_A_PICTURE),
        *_write(folder, bombs, "failed", Reason.TOO_MANY_PIXELS),
    ]


def _no_films(folder: Path) -> list[ExpectedFile]:
    draw = np.random.default_rng(1)
    colour = {
        "photo_china.jpg": encoded(sklearn.datasets.load_sample_image("china.jpg"), "JPEG"),
        "photo_cat.png": encoded(skimage.data.cat()),
        "colour_noise.png": encoded(draw.integers(0, 256, (300, 300, 3), dtype=np.uint8)),
    }
    screens = {
        "screenshot_light.png": encoded(screenshot(255, 0, 200)),
        "screenshot_dark.png": encoded(screenshot(30, 220, 60)),
        "screenshot_black.png": encoded(screenshot(0, 255, 20)),
        "screenshot.jpg": encoded(screenshot(200, 20, 120), "JPEG", quality=75),
    }
    grey_noise = encoded(draw.integers(0, 256, (300, 300), dtype=np.uint8))
    return [
        *_write(folder, {"one_pixel.png": encoded(np.zeros((1, 1), np.uint8))}, "rejected", Reason.TOO_SMALL),
        *_write(folder, colour, "rejected", Reason.COLOUR),
        *_write(folder, {"grey_noise.png": grey_noise}, "rejected", Reason.NOISE),
        *_write(folder, {"blank.png": encoded(np.full((300, 400), 90, np.uint8))}, "rejected", Reason.BLANK),
        *_write(folder, screens, "rejected", Reason.SCREENSHOT),
    ]


def _archives(folder: Path, film_HW: np.ndarray) -> list[ExpectedFile]:
    film = encoded(film_HW)
    with zipfile.ZipFile(folder / "outside.zip", "w") as archive:
        archive.writestr("../../escaped.png", film)
        archive.writestr("inside.png", film)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("bomb.png", bytes(BOMB_BYTES))
    with zipfile.ZipFile(folder / "damaged.zip", "w") as archive:
        archive.writestr("film.png", film)
    whole = (folder / "damaged.zip").read_bytes()
    (folder / "damaged.zip").write_bytes(whole[: len(whole) // 2])
    return [
        ExpectedFile("outside.zip/../../escaped.png", "failed", Reason.ARCHIVE_UNSAFE),
        ExpectedFile("outside.zip/inside.png", "read"),
        ExpectedFile("bomb.zip/bomb.png", "failed", Reason.ARCHIVE_UNSAFE),
        ExpectedFile("damaged.zip", "failed", Reason.ARCHIVE_UNREADABLE),
    ]


def _readable(folder: Path, film_HW: np.ndarray) -> list[ExpectedFile]:
    film, upside_down = Image.fromarray(film_HW), Image.fromarray(film_HW[::-1])
    files = {
        NESTED_NAME: encoded(film),
        LONG_NAME: encoded(film),
        "twice.png": encoded(film),
        "copies/twice.png": encoded(film),
        "sixteen_bit.png": encoded(film_HW.astype(np.uint16) * 257),
        "opaque_rgba.png": encoded(film.convert("RGBA")),
        "cmyk.jpg": encoded(film.convert("RGB").convert("CMYK"), "JPEG", quality=95),
        "animated.gif": encoded(film, "GIF", save_all=True, append_images=[upside_down, film], duration=100),
        "no_ending": encoded(film, "JPEG", quality=95),
    }
    return _write(folder, files, "read")


if __name__ == "__main__":
    for row in write_hostile_files(Path(sys.argv[1])):
        print(row.status, row.reason or "", row.name, sep="\t")
