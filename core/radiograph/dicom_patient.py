"""Whom a DICOM file says it shows, and which image: read only to be replaced by pseudonyms, and kept nowhere."""

import re
from io import BytesIO

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from core.errors import UnreadableFileError
from core.radiograph.dicom_files import looks_like_dicom
from core.radiograph.dicom_header import MAX_ELEMENTS, PARSER_ERRORS, refuse_bombs, text_of

_ATTRIBUTES = ("SOPInstanceUID", "PatientID", "IssuerOfPatientID")
_NOBODY = re.compile(r"(anon(ym(ous|i[sz]ed)?)?|unknown|none|null|nan|n/?a|test|patient|dummy|id|x+|0+|[\W_]*)", re.I)
"""What programs write for all patients alike."""
_UID = re.compile(r"[0-9][0-9.]{4,63}")


def patient_id(content: bytes) -> str | None:
    """Return the patient's number in a DICOM file, with who issued it if that is stated; None where there is none."""
    return patient_and_instance(content)[0]


def instance_uid(content: bytes) -> str | None:
    """Return the number of the image itself in a DICOM file, None where there is none."""
    return patient_and_instance(content)[1]


def patient_and_instance(content: bytes) -> tuple[str | None, str | None]:
    """Return both of a DICOM file, each None where it is absent or the file too damaged to say it."""
    uid, number, issuer = _texts(content)
    patient = f"{number}\n{issuer}" if issuer else number
    return None if _NOBODY.fullmatch(number) else patient, uid if _UID.fullmatch(uid) else None


def _texts(content: bytes) -> list[str]:
    """Return the attributes as text, empty for what is absent or damaged."""
    tags = [Tag(name) for name in _ATTRIBUTES]
    seen = 0

    def is_past(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal seen
        seen += 1
        return tag > tags[-1] or seen > MAX_ELEMENTS

    if looks_like_dicom(content):
        try:
            refuse_bombs(content)
            dataset = read_partial(BytesIO(content), is_past, force=True, specific_tags=[*tags])
            return [text_of(dataset, name) for name in _ATTRIBUTES]
        except (MemoryError, UnreadableFileError, *PARSER_ERRORS):
            # Anyone who reads the image itself says what is wrong with it.
            pass
    return [""] * len(_ATTRIBUTES)
