"""Why a file of a dataset cannot be used; what its content shows has its codes in core.radiograph.rejection."""

from enum import StrEnum


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
        return _SENTENCES[self]


_SENTENCES = {
    FilmProblem.NO_LABEL: "Neither its folders nor the metadata give a label: put it below NORMAL or PNEUMONIA.",
    FilmProblem.UNKNOWN_LABEL: "The metadata give a label other than normal or pneumonia: correct the row.",
    FilmProblem.UNKNOWN_SPLIT: (
        "A folder beside train, val or test, or the metadata, give a split that is none of these or their usual other "
        "names (training, valid, holdout, external_test, …), so that it is trained on by nobody: rename it, or empty "
        "the cell."
    ),
    FilmProblem.LABEL_CONFLICT: "Its folders and the metadata give different labels: correct the one that is wrong.",
    FilmProblem.NOT_IN_METADATA: "The metadata have no row for this image: add one, or take the image away.",
    FilmProblem.MISSING_FILE: "It is named, but is not there: restore the file, or remove its row or link.",
    FilmProblem.VANISHED: "It was there when the folder was listed, but gone when it was to be read: index again.",
    FilmProblem.UNDECODABLE_NAME: "Its name holds bytes that are no text: rename the file or its folder.",
    FilmProblem.NO_REGULAR_FILE: "It is a pipe, a socket or a device, or a link to itself: take it away.",
    FilmProblem.NESTED_COPY: (
        "The same file lies under the same path once more, one folder up or down, as in Kaggle's download of the "
        "standard dataset: each is counted once, and one of the two folders can be deleted."
    ),
    FilmProblem.FOLDER_NOT_READ: "The folder could not be opened by this user: ask for permission to read it.",
}

NEVER_READ = frozenset(
    {
        FilmProblem.MISSING_FILE,
        FilmProblem.UNDECODABLE_NAME,
        FilmProblem.NO_REGULAR_FILE,
        FilmProblem.FOLDER_NOT_READ,
    }
)
"""Problems of files that there is no use in reading."""
