"""From a file to the network's input: read, checked, made square.

Shapes: H and W pixels.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.errors import RadiographError, UnreadableFileError
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.film import Radiograph
from core.radiograph.film_checks import check_film, doubts_about
from core.radiograph.formats import origin_of
from core.radiograph.image_format import UNKNOWN, Origin
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason
from core.radiograph.shutter import Field
from core.reasons import Reason
from core.triage.film_reading import CachedReading, FilmReading, not_read
from core.triage.intake import Candidate
from core.triage.priority import Status
from core.triage.saliency import small_film
from core.triage.scope import is_age_in_scope, notes_on

DECODED_SIDE = 4.0
"""Shortest side of a decoded JPEG, in input sizes: a smaller one may move a probability by more than 0.01.

It is what the bundled model needs. Of six models that were tried all but one needed more than 2.5.
"""


@dataclass(frozen=True)
class PreparedFilm:
    """An image ready for the network: its square image, and its grey at drawing size where it will be drawn on.

    `field` is the part of the picture that the image fills, None for all of it; the grey shows the whole picture.
    """

    candidate: Candidate
    file_hash: str
    image_HW: np.ndarray
    grey_HW: np.ndarray | None
    age_years: float | None = None
    is_age_in_scope: bool = True
    is_doubtful: bool = False
    notes: tuple[Reason, ...] = ()
    image_hash: str | None = None
    origin: Origin = UNKNOWN
    field: Field | None = None


@dataclass(frozen=True)
class Preparation:
    """From a file to the network's input."""

    image_size: int
    max_file_bytes: int
    check_films: bool
    keep_pixels: bool
    known: Mapping[str, int] | None = None

    def __call__(self, candidate: Candidate) -> PreparedFilm | FilmReading | CachedReading:
        """Return the prepared image, the reading of one that cannot be read, or that it is known."""
        content, file_hash, origin = b"", None, UNKNOWN
        try:
            with typed_file_errors():
                content = candidate.read_bytes(self.max_file_bytes)
                file_hash = hashlib.sha256(content).hexdigest()
                origin = origin_of(content)
                if self.known and file_hash in self.known:
                    return CachedReading(candidate, file_hash, self.known[file_hash], origin)
                return replace(self._prepared(candidate, content, file_hash), origin=origin)
        except RadiographError as error:
            is_unreadable = isinstance(error, UnreadableFileError)
            status = Status.FAILED if is_unreadable else Status.REJECTED
            reading = not_read(candidate, status, error.reason, error.why, file_hash)
            is_image = not is_unreadable and error.reason != RejectionReason.BLANK
            return replace(reading, origin=origin, image_hash=self._hash_of_refused(content) if is_image else None)

    def _decoded(self, content: bytes, *, whatever_it_shows: bool = False) -> Radiograph:
        side = round(DECODED_SIDE * self.image_size)
        return read_radiograph(content, shortest_side=side, whatever_it_shows=whatever_it_shows)

    def _hash_of_refused(self, content: bytes) -> str | None:
        """Return the hash of an image that is not analysed, None where it has no readable pixels."""
        try:
            with typed_file_errors():
                radiograph = self._decoded(content, whatever_it_shows=True)
                return hash_of_image(radiograph, radiograph.to_square(self.image_size))
        except RadiographError:
            return None

    def _prepared(self, candidate: Candidate, content: bytes, file_hash: str) -> PreparedFilm:
        radiograph = self._decoded(content)
        doubts = radiograph.doubts
        if self.check_films:
            check_film(radiograph)
            doubts = (*doubts, *doubts_about(radiograph))
        image_HW = radiograph.to_square(self.image_size)
        # As small as it will be drawn: an image waits here for its batch with dozens of others.
        grey_HW = small_film(radiograph.whole_HW) if self.keep_pixels else None
        age = radiograph.age_years
        is_in_scope = is_age_in_scope(age, radiograph.is_age_unclear)
        notes = notes_on(replace(radiograph, doubts=doubts))
        return PreparedFilm(
            candidate,
            file_hash,
            image_HW,
            grey_HW,
            age,
            is_in_scope,
            bool(doubts),
            notes,
            image_hash=hash_of_image(radiograph, image_HW),
            field=radiograph.field,
        )


def hash_of_image(radiograph: Radiograph, image_HW: np.ndarray) -> str:
    """Return a hash of an image's size and its grey as the network is given it, the same in whatever file it lies.

    Of the network's input in 256 levels, since hashing all pixels would take a tenth as long as decoding them.
    """
    digest = hashlib.sha256(f"{radiograph.width} {radiograph.height} ".encode())
    digest.update(np.rint(image_HW * 255).astype(np.uint8).tobytes())
    return digest.hexdigest()
