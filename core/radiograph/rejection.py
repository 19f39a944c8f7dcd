"""Why a file is no usable image; the values are stable codes, kept in the database."""

from enum import StrEnum


class RejectionReason(StrEnum):
    """Reasons by what the file itself shows."""

    EMPTY_FILE = "empty_file"
    NOT_A_PICTURE = "not_a_picture"
    TRUNCATED = "truncated"
    NO_PERMISSION = "no_permission"
    FILE_TOO_LARGE = "file_too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    READ_ERROR = "read_error"
    UNEXPECTED_ERROR = "unexpected_error"
    ARCHIVE_UNSAFE = "archive_unsafe"
    ARCHIVE_UNREADABLE = "archive_unreadable"

    NO_PIXELS = "no_pixels"
    MISSING_CODEC = "missing_codec"
    UNSUPPORTED_PIXELS = "unsupported_pixels"

    OTHER_MODALITY = "other_modality"
    NOT_CHEST = "not_chest"
    LATERAL = "lateral"
    MULTI_FRAME = "multi_frame"
    FOR_PROCESSING = "for_processing"

    TOO_SMALL = "too_small"
    ODD_SHAPE = "odd_shape"
    BLANK = "blank"
    COLOUR = "colour"
    NOISE = "noise"
    SCREENSHOT = "screenshot"
