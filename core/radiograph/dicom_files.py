"""Tells DICOM files by their content, whatever they are called."""

PREAMBLE = 128


def looks_like_dicom(content: bytes) -> bool:
    """Return whether bytes are a DICOM file, with the preamble or without it and the meta header."""
    if content[PREAMBLE : PREAMBLE + 4] == b"DICM":
        return True
    # Without a preamble the first element is of group 2 or 8 and short, which no picture format begins with.
    if content[:2] not in (b"\x08\x00", b"\x02\x00") or len(content) < 8:
        return False
    is_explicit = content[4:6].isalpha() and content[4:6].isupper()
    length = int.from_bytes(content[6:8] if is_explicit else content[4:8], "little")
    return length <= 256 and content[3] == 0
