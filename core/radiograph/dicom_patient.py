"""Whom a DICOM file says it shows: told only to be replaced by a pseudonym at once, and kept nowhere."""

import re
from io import BytesIO

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from core.radiograph.dicom_files import looks_like_dicom
from core.radiograph.dicom_header import PARSER_ERRORS, text_of

_ATTRIBUTES = ("PatientID", "IssuerOfPatientID")
_LAST = max(Tag(name) for name in _ATTRIBUTES)
_NOBODY = re.compile(r"(anon(ym(ous|i[sz]ed)?)?|unknown|none|null|nan|n/?a|test|patient|dummy|id|x+|0+|[\W_]*)", re.I)
"""What programs write for all patients alike."""


def patient_id(content: bytes) -> str | None:
    """Return the patient's number in a DICOM file, with who issued it if that is stated; None where there is none."""
    if not looks_like_dicom(content):
        return None

    def is_past(tag: BaseTag, vr: str | None, length: int) -> bool:
        return tag > _LAST

    try:
        dataset = read_partial(BytesIO(content), is_past, force=True, specific_tags=[Tag(name) for name in _ATTRIBUTES])
    except (MemoryError, *PARSER_ERRORS):
        return None
    number, issuer = (text_of(dataset, name) for name in _ATTRIBUTES)
    if _NOBODY.fullmatch(number):
        return None
    return f"{number}\n{issuer}" if issuer else number
