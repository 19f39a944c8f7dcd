"""Tells files that may hold a radiograph by their first bytes, whatever they are called."""

import re

from core.radiograph.dicom_files import PREAMBLE, looks_like_dicom

NUM_HEAD_BYTES = PREAMBLE + 4
_STARTS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II[*+]\0|MM\0[*+]", flags=re.DOTALL
)


def looks_like_picture(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a picture of a format that is read, or a DICOM file."""
    return _STARTS.match(head) is not None or looks_like_dicom(head)
