"""Images as pictures for a browser: the image itself, its thumbnail, and the AI heatmap as a layer over it.

Every address is signed for the one file it shows, so no route takes a path from anybody but the desk. An image is
always decoded and redrawn as grey pixels: what is no picture is not available this way, nor what a file hides.
"""

import base64
import io
import json
import threading
from enum import StrEnum
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import InputNotFoundError, PneumoDeskError
from core.language import tr
from core.radiograph.reading import read_radiograph
from core.services.desk import Desk
from core.services.desk.signed_urls import is_signed, sign
from core.triage.archives import list_members
from core.triage.intake import Candidate, place_of

FILM_LONGEST_SIDE = 2048
THUMBNAIL_LONGEST_SIDE = 192
MOST_DECODED_AT_ONCE = 4

# A page of thumbnails must not hold dozens of large images in memory at once.
_decoding = threading.BoundedSemaphore(MOST_DECODED_AT_ONCE)


class Picture(StrEnum):
    """What can be shown of an image; the values are part of its address."""

    FILM = "film"
    THUMBNAIL = "thumbnail"
    HEATMAP = "heatmap"


class PictureRefusedError(PneumoDeskError):
    """An address that the desk did not sign, or whose time is over."""


def picture_address(desk: Desk, picture: Picture, path: Path | str, member: str | None = None) -> str:
    """Return the address of a picture of an image, or of a member of a zip; it stays the same for hours."""
    reference = json.dumps([str(path), member], ensure_ascii=False)
    encoded = base64.urlsafe_b64encode(reference.encode("utf-8", "surrogateescape")).decode().rstrip("=")
    signature = sign(desk, f"{picture.value} {encoded}")
    return f"/api/films/{picture.value}/{encoded}?signature={signature}"


def open_picture(desk: Desk, picture: Picture, encoded: str, signature: str) -> tuple[bytes, str]:
    """Return content and media type of what an address shows.

    Raises PictureRefusedError, InputNotFoundError if the file is gone, and RadiographError if it is no image.
    """
    if not is_signed(desk, f"{picture.value} {encoded}", signature):
        raise PictureRefusedError(tr("This picture's address is not valid any more: reload the page."))
    reference = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    path, member = json.loads(reference.decode("utf-8", "surrogateescape"))
    place = place_of(path)
    if not place.is_file():
        raise InputNotFoundError(tr("{name} is no longer where it was read.", name=place.name))
    if picture is Picture.HEATMAP:
        return _read_heatmap(desk, place), "image/png"
    content = read_film_bytes(desk, place, member)
    with _decoding:
        return draw_film(content) if picture is Picture.FILM else draw_thumbnail(content)


def film_picture(desk: Desk, path: str | None, member: str | None) -> tuple[bytes, str]:
    """Return an image of the desk as a picture and its media type; raises InputNotFoundError and RadiographError."""
    if path is None or not place_of(path).is_file():
        raise InputNotFoundError(tr("The image is no longer where it was read."))
    content = read_film_bytes(desk, place_of(path), member)
    with _decoding:
        return draw_film(content)


def draw_film(content: bytes) -> tuple[bytes, str]:
    """Return an image as lossless grey PNG, no side longer than 2048 pixels, and its media type."""
    image = film_image(content, FILM_LONGEST_SIDE)
    return _encoded(image, "PNG", compress_level=1), "image/png"


def film_image(content: bytes, longest_side: int) -> Image.Image:
    """Return an image as grey picture with no side longer than this."""
    image = _grey(content, None)
    image.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return image


def draw_thumbnail(content: bytes) -> tuple[bytes, str]:
    """Return an image as a small JPEG, and its media type."""
    image = _grey(content, THUMBNAIL_LONGEST_SIDE)
    image.thumbnail((THUMBNAIL_LONGEST_SIDE, THUMBNAIL_LONGEST_SIDE))
    return _encoded(image, "JPEG", quality=80), "image/jpeg"


def read_film_bytes(desk: Desk, path: Path, member: str | None) -> bytes:
    """Return an image's file, or a zip's member, as it is; raises InputNotFoundError and RadiographError."""
    if not path.is_file():
        raise InputNotFoundError(tr("{name} is no longer where it was read.", name=path.name))
    limits = {
        "max_file_bytes": desk.settings.max_file_bytes,
        "max_archive_bytes": desk.settings.max_archive_bytes,
    }
    if member is None:
        return Candidate(path.name, path).read_bytes(limits["max_file_bytes"])
    for name, info in list_members(path, **limits):
        if name == member:
            if isinstance(info, PneumoDeskError):
                raise info
            return Candidate(name, path, member, info).read_bytes(limits["max_file_bytes"])
    raise InputNotFoundError(tr("{name} no longer holds {member}.", name=path.name, member=member))


def _read_heatmap(desk: Desk, path: Path) -> bytes:
    """Read a file that the desk itself wrote; it is passed on as it is, so it must lie in the desk's home."""
    if not path.resolve().is_relative_to(desk.settings.home.resolve()) or path.suffix.lower() != ".png":
        raise PictureRefusedError(tr("Heatmaps are shown from the desk's own home only."))
    return path.read_bytes()


def _grey(content: bytes, shortest_side: int | None) -> Image.Image:
    film = read_radiograph(content, shortest_side=shortest_side, whatever_it_shows=True)
    if film.whole_HW.dtype == np.uint8:
        return Image.fromarray(film.whole_HW)
    return Image.fromarray(np.round(film.whole_HW * 255).astype(np.uint8))


def _encoded(image: Image.Image, file_format: str, **options: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()
