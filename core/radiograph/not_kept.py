"""What lies in place of a file that could not be freed of identifiers: the reason, and nothing of the file itself."""

from core.errors import UnreadableFileError
from core.radiograph.formats import FORMAT_NAMES
from core.radiograph.rejection import RejectionReason

_START = b"PneumoDesk did not keep this file: "
_WHY = {
    RejectionReason.NOT_A_PICTURE: f"it is no image in a known format ({FORMAT_NAMES})",
    RejectionReason.TRUNCATED: "it is cut short or damaged: copy it again from its source",
    RejectionReason.FILE_TOO_LARGE: "it is larger than this desk reads: send it smaller",
    RejectionReason.TOO_MANY_PIXELS: "it has more pixels than this desk reads: save it smaller",
    RejectionReason.READ_ERROR: "it could not be read: copy it again from its source",
    RejectionReason.ARCHIVE_UNSAFE: "it unpacks to far more than it holds, or out of its folder: send the folder",
    RejectionReason.ARCHIVE_UNREADABLE: "it is damaged, split, locked or an archive within one: unpack it and send it",
    RejectionReason.NO_PIXELS: "it holds no pixels: send the image, not a report",
    RejectionReason.MISSING_CODEC: "its compression is not decoded here: send it uncompressed or as JPEG 2000",
    RejectionReason.UNSUPPORTED_PIXELS: "its header does not describe its pixels in a known way: export it again",
}
_OTHERWISE = "it could not be read to its end: save it again in its viewer"


def placeholder(reason: str, tag: str) -> bytes:
    """Return what is stored instead of a file; `tag` tells files that were refused for one reason apart."""
    return b"%s%s %s\n" % (_START, reason.encode(), tag.encode())


def refuse_placeholder(content: bytes) -> None:
    """Raise UnreadableFileError with the reason of the file that was not kept, if `content` stands for one."""
    if not content.startswith(_START):
        return
    code = content[len(_START) :].split(b" ", 1)[0].decode("ascii", "replace")
    reason = RejectionReason(code) if code in set(RejectionReason) else RejectionReason.NOT_A_PICTURE
    raise UnreadableFileError(
        reason,
        "the file was not kept, for it could not be freed of names and other identifiers: "
        f"{_WHY.get(reason, _OTHERWISE)}",
    )
