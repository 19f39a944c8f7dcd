"""What a reader has to say of an image beside its pixels."""

from dataclasses import dataclass, field


@dataclass
class Remarks:
    """Sentences without a full stop: `notes` are said; `doubts` are said and put the image under review."""

    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
