"""What triage says of one file, and what it was made from.

Shapes: h and w cells of an activation map, H and W pixels.
"""

from dataclasses import dataclass

import numpy as np

from core.radiograph.image_format import UNKNOWN, Origin
from core.reasons import Reason
from core.triage.intake import Candidate
from core.triage.priority import Priority, Status


@dataclass(frozen=True)
class FilmReading:
    """What one file was found to be; numbers are None unless it came as far as the model.

    `activation_map` is packed as it is kept. `image_hash` names the image by its pixels, None for a blank one and where
    there are none.
    """

    file: str
    status: Status
    reason_code: str
    reasons: tuple[Reason, ...]
    priority: Priority
    file_hash: str | None = None
    probability: float | None = None
    logit: float | None = None
    gate_distance: float | None = None
    finding: str | None = None
    source_path: str | None = None
    source_member: str | None = None
    activation_map: bytes | None = None
    image_hash: str | None = None
    origin: Origin = UNKNOWN

    @property
    def reason(self) -> str:
        """All reasons in words."""
        return "; ".join(map(str, self.reasons))


@dataclass(frozen=True)
class FilmView:
    """What a reading was made from, for those who draw: the image's grey at drawing size and the activation map."""

    grey_HW: np.ndarray
    map_hw: np.ndarray


@dataclass(frozen=True)
class CachedReading:
    """An image that was read before, and the earlier reading."""

    candidate: Candidate
    file_hash: str
    reading_id: int
    origin: Origin = UNKNOWN


def not_read(
    candidate: Candidate,
    status: Status,
    code: str,
    why: Reason,
    file_hash: str | None,
    gate_distance: float | None = None,
) -> FilmReading:
    """Return the reading of a file that is not analysed, with its code and why."""
    return FilmReading(
        candidate.name,
        status,
        str(code),
        (why,),
        Priority.REVIEW,
        file_hash,
        gate_distance=gate_distance,
        source_path=candidate.stored_path,
        source_member=candidate.member,
    )
