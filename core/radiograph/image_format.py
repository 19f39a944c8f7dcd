"""What the desk has to know of one format of image files, so that all who meet such files treat them alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.radiograph.film import Radiograph

Pseudonym = Callable[[str], str]


@dataclass(frozen=True)
class Origin:
    """Whom a file says it shows and which image it is: read only to be replaced by pseudonyms, and kept nowhere.

    The patient's number and the image's own (SOPInstanceUID), each None where the file does not say it.
    """

    patient: str | None = field(default=None, repr=False)
    instance: str | None = field(default=None, repr=False)


UNKNOWN = Origin()


def without_origin(_content: bytes) -> Origin:
    """Return what pictures say of their origin: nothing."""
    return UNKNOWN


class Reader(Protocol):
    """Reads a file's content as `core.radiograph.reading.read_radiograph` describes."""

    def __call__(self, content: bytes, shortest_side: int | None, *, whatever_it_shows: bool) -> Radiograph:
        """Return the radiograph, not cropped; raises UnreadableFileError or UnusableFilmError."""
        ...


@dataclass(frozen=True)
class ImageFormat:
    """One format.

    - `name`: as messages name it.
    - `begins`: whether a file that begins with these bytes (`NUM_HEAD_BYTES` or more) is of this format.
    - `endings`: of file names in small letters; a file called so is taken for an image unopened.
    - `read`: the content as a radiograph.
    - `plain`: the same image without identifiers, given what replaces a patient's number, if anything may; the same
      pixels to `read`. Raises UnreadableFileError for what cannot be cleaned.
    - `origin`: whom and which image the content says it shows.
    - `decoders`: Pillow's names of what a picture of this format may be; none for what Pillow does not decode.
    - `num_decoder_bytes`: of a pixel, that decoding takes beside the content and the picture.
    - `may_come_smaller`: whether its decoder can give a picture at a half, a quarter or an eighth of its size.
    """

    name: str
    begins: Callable[[bytes], bool]
    endings: tuple[str, ...]
    read: Reader
    plain: Callable[[bytes, Pseudonym | None], bytes]
    origin: Callable[[bytes], Origin] = without_origin
    decoders: tuple[str, ...] = ()
    num_decoder_bytes: int = 0
    may_come_smaller: bool = False
