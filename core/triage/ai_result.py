"""What the model says of an image, as one of five results; where its study is put, the site's rules decide."""

from enum import StrEnum

from core.triage.priority import Status


class AIResult(StrEnum):
    """What the model says; `core.result_words` has the words."""

    FLAGGED = "flagged"
    INDETERMINATE = "indeterminate"
    NO_FLAG = "no_flag"
    UNSUITABLE = "unsuitable"
    FILE_ERROR = "file_error"


def ai_result(status: str, finding: str | None) -> AIResult:
    """Return the AI result of a reading by its status and finding.

    The finding was settled when the image was analysed: by the operating point, and as uncertain where the image is out
    of scope or doubtful. Anything that is no known finding needs a human and so is indeterminate. Raises ValueError for
    a status that is none.
    """
    match Status(status):
        case Status.REJECTED:
            return AIResult.UNSUITABLE
        case Status.FAILED:
            return AIResult.FILE_ERROR
    match finding:
        case "pneumonia":
            return AIResult.FLAGGED
        case "normal":
            return AIResult.NO_FLAG
    return AIResult.INDETERMINATE
