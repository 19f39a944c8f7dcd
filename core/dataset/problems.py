"""Why a file of a dataset cannot be used; what its content shows has its codes in core.radiograph.rejection."""

from enum import StrEnum

from core.language import tr
from core.reason_words_datasets import LEFT_OUT


class FilmProblem(StrEnum):
    """Reasons by where a file lies, what it is called and what the metadata say of it; the values are stable codes."""

    NO_LABEL = "no_label"
    UNKNOWN_LABEL = "unknown_label"
    UNKNOWN_SPLIT = "unknown_split"
    LABEL_CONFLICT = "label_conflict"
    NOT_IN_METADATA = "not_in_metadata"
    MISSING_FILE = "missing_file"
    VANISHED = "vanished"
    UNDECODABLE_NAME = "undecodable_name"
    NO_REGULAR_FILE = "no_regular_file"
    FOLDER_NOT_READ = "folder_not_read"
    NESTED_COPY = "nested_copy"

    @property
    def sentence(self) -> str:
        """What is wrong and what to do about it."""
        return tr(LEFT_OUT[self.value])


NEVER_READ = frozenset(
    {
        FilmProblem.MISSING_FILE,
        FilmProblem.UNDECODABLE_NAME,
        FilmProblem.NO_REGULAR_FILE,
        FilmProblem.FOLDER_NOT_READ,
    }
)
"""Problems of files that there is no use in reading."""
