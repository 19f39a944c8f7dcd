"""What lies in place of a file that could not be freed of identifiers: the reason, and nothing of the file itself."""

from core.errors import UnreadableFileError
from core.file_reasons import NotKept
from core.radiograph.formats import FORMAT_NAMES
from core.radiograph.rejection import RejectionReason

_START = b"PneumoDesk did not keep this file: "


def placeholder(reason: str, tag: str) -> bytes:
    """Return what is stored instead of a file; `tag` tells files that were refused for one reason apart."""
    return b"%s%s %s\n" % (_START, reason.encode(), tag.encode())


def refuse_placeholder(content: bytes) -> None:
    """Raise UnreadableFileError with the reason of the file that was not kept, if `content` stands for one."""
    if not content.startswith(_START):
        return
    code = content[len(_START) :].split(b" ", 1)[0].decode("ascii", "replace")
    reason = RejectionReason(code) if code in set(RejectionReason) else RejectionReason.NOT_A_PICTURE
    raise UnreadableFileError(reason, NotKept(reason.value, FORMAT_NAMES))
