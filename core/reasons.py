"""Why a file was read as it was, or not at all: codes with values, kept as such and put into words when shown.

Codes and the names of values are stored: they stay. `core.reason_words` has the words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from core.reason_words import in_words

Value = str | int | float | None
"""Of one value; reasons within a reason are values as they are stored."""


@dataclass(frozen=True)
class Reason:
    """One reason; each kind is a class of its own, with a code and typed values."""

    code: ClassVar[str]

    def __str__(self) -> str:
        return in_words(self.code, asdict(self))

    def stored(self) -> dict[str, Any]:
        """Return it as it is kept: `code` and `values`."""
        return {"code": self.code, "values": {name: _plain(value) for name, value in asdict(self).items()}}


@dataclass(frozen=True)
class Said(Reason):
    """A sentence of another program or of an earlier version, which names no code."""

    code: ClassVar[str] = "said"
    sentence: str


@dataclass(frozen=True)
class AboveBand(Reason):
    """The probability is above the band of uncertainty (both bounds 0 to 1)."""

    code: ClassVar[str] = "above_band"
    probability: float
    low: float
    high: float


@dataclass(frozen=True)
class WithinBand(Reason):
    """The probability is within the band of uncertainty, on one side of the threshold."""

    code: ClassVar[str] = "within_band"
    probability: float
    low: float
    high: float
    threshold: float


@dataclass(frozen=True)
class BelowBand(Reason):
    """The probability is below the band of uncertainty."""

    code: ClassVar[str] = "below_band"
    probability: float
    low: float
    high: float


@dataclass(frozen=True)
class AgeOutOfScope(Reason):
    """The stated age (years; None if it cannot be understood) is none that the model was made for."""

    code: ClassVar[str] = "age_out_of_scope"
    age_years: float | None
    youngest: int
    oldest: int
    probability: float


@dataclass(frozen=True)
class AgeNotStated(Reason):
    """The file could state an age and does not."""

    code: ClassVar[str] = "age_not_stated"


@dataclass(frozen=True)
class MayShowText(Reason):
    """The file does not rule out writing in the image."""

    code: ClassVar[str] = "may_show_text"


@dataclass(frozen=True)
class TooFewPixels(Reason):
    """The image is too small."""

    code: ClassVar[str] = "too_few_pixels"
    width: int
    height: int


@dataclass(frozen=True)
class OddShape(Reason):
    """The image is too long for its width."""

    code: ClassVar[str] = "odd_shape"
    width: int
    height: int


@dataclass(frozen=True)
class InColour(Reason):
    """The image is in colour."""

    code: ClassVar[str] = "in_colour"


@dataclass(frozen=True)
class Blank(Reason):
    """Nearly all pixels have one value."""

    code: ClassVar[str] = "blank"


@dataclass(frozen=True)
class Noise(Reason):
    """Neighbouring pixels have nothing in common."""

    code: ClassVar[str] = "noise"


@dataclass(frozen=True)
class FlatBright(Reason):
    """Large parts have exactly one bright value, as in screenshots."""

    code: ClassVar[str] = "flat_bright"


@dataclass(frozen=True)
class WritingOnDark(Reason):
    """The image looks like writing on a dark screen."""

    code: ClassVar[str] = "writing_on_dark"


@dataclass(frozen=True)
class DrawnFrame(Reason):
    """Parts have exactly one grey value, as the frame of a viewer on a screen has."""

    code: ClassVar[str] = "drawn_frame"


@dataclass(frozen=True)
class WideBorder(Reason):
    """Much of the image is border, which was left out."""

    code: ClassVar[str] = "wide_border"


@dataclass(frozen=True)
class Turned(Reason):
    """The image lies so that `quarters` quarter turns counter-clockwise (1 to 3) would put it upright."""

    code: ClassVar[str] = "turned"
    quarters: int


@dataclass(frozen=True)
class NotRecognised(Reason):
    """The image is farther from the training images than the gate allows (1 is a typical training image)."""

    code: ClassVar[str] = "not_recognised"
    distance: float
    limit: float


@dataclass(frozen=True)
class FileTooLarge(Reason):
    """The file is larger than what is read."""

    code: ClassVar[str] = "file_too_large"
    limit_bytes: int


@dataclass(frozen=True)
class ArchiveTooLarge(Reason):
    """The archive unpacks to more than what is read."""

    code: ClassVar[str] = "archive_too_large"
    limit_bytes: int


@dataclass(frozen=True)
class ArchiveTooFull(Reason):
    """The archive names more than `limit` members."""

    code: ClassVar[str] = "archive_too_full"
    limit: int


@dataclass(frozen=True)
class ArchiveOverlaps(Reason):
    """Members of the archive lie over one another."""

    code: ClassVar[str] = "archive_overlaps"


@dataclass(frozen=True)
class ArchiveEmpty(Reason):
    """The archive holds no file."""

    code: ClassVar[str] = "archive_empty"


@dataclass(frozen=True)
class ArchiveDamaged(Reason):
    """The archive's directory cannot be read; `detail` is what the reader says of it."""

    code: ClassVar[str] = "archive_damaged"
    detail: str


@dataclass(frozen=True)
class MemberOutside(Reason):
    """The member's name leads out of the archive."""

    code: ClassVar[str] = "member_outside"


@dataclass(frozen=True)
class MemberLocked(Reason):
    """The member is encrypted."""

    code: ClassVar[str] = "member_locked"


@dataclass(frozen=True)
class ArchiveWithin(Reason):
    """The member is an archive itself."""

    code: ClassVar[str] = "archive_within"


@dataclass(frozen=True)
class MemberPackedUncommonly(Reason):
    """The member's compression is not read."""

    code: ClassVar[str] = "member_packed_uncommonly"


@dataclass(frozen=True)
class MemberSwells(Reason):
    """The member says it unpacks to more than `limit` times its size."""

    code: ClassVar[str] = "member_swells"
    limit: int


@dataclass(frozen=True)
class MemberDamaged(Reason):
    """The member is not what the directory says."""

    code: ClassVar[str] = "member_damaged"


@dataclass(frozen=True)
class NotAFile(Reason):
    """It is a device or a pipe."""

    code: ClassVar[str] = "not_a_file"


@dataclass(frozen=True)
class NotPermitted(Reason):
    """This user may not open the file."""

    code: ClassVar[str] = "not_permitted"


@dataclass(frozen=True)
class FileGone(Reason):
    """The file is not there, or is a link that leads nowhere."""

    code: ClassVar[str] = "file_gone"


@dataclass(frozen=True)
class OpenFailed(Reason):
    """Opening the file failed; `detail` is what the system says."""

    code: ClassVar[str] = "open_failed"
    detail: str


def _plain(value: Any) -> Any:
    """Return a value that every database can hold: a name of a file may have bytes that are no text."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


SCORES = (AboveBand.code, WithinBand.code, BelowBand.code)


def recalled(stored: Mapping[str, Any]) -> Reason:
    """Return a reason as it was before it was kept; of a kind that is not known here, its words."""
    kind = next((kind for kind in Reason.__subclasses__() if kind.code == stored["code"]), None)
    if kind is None:
        return Said(in_words(stored["code"], stored["values"]))
    return kind(**stored["values"])


def store(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Return reasons as they are kept."""
    return [reason.stored() for reason in reasons]


def read_remarks(stored: Sequence[Mapping[str, Any]] | None, sentence: str = "") -> str:
    """Return in words what kept reasons say beyond the score; of a row that is older than codes, its `sentence`."""
    if stored is None:
        return sentence
    return read_aloud([reason for reason in stored if reason["code"] not in SCORES])


def limits_of(stored: Iterable[Mapping[str, Any]] | None) -> tuple[float, ...]:
    """Return both ends of the indeterminate range that a score was held against; nothing where no reason names them."""
    for reason in stored or ():
        if reason["code"] in SCORES:
            return reason["values"]["low"], reason["values"]["high"]
    return ()


def read_aloud(stored: Sequence[Mapping[str, Any]] | None, sentence: str = "") -> str:
    """Return kept reasons in words; `sentence` is what rows have instead that are older than codes."""
    if stored is None:
        return sentence
    return "; ".join(in_words(reason["code"], reason["values"]) for reason in stored)


def say(stored: Sequence[Mapping[str, Any]] | None) -> str | None:
    """Return why work ended before its end, in whole sentences; None where nothing is stored."""
    return None if stored is None else " ".join(in_words(reason["code"], reason["values"]) for reason in stored)
