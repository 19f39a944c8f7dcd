"""What a reader has to say of an image beside its pixels."""

from dataclasses import dataclass, field

from core.reasons import Reason


@dataclass
class Remarks:
    """Both are said of an image; `doubts` also put it under review."""

    notes: list[Reason] = field(default_factory=list)
    doubts: list[Reason] = field(default_factory=list)
