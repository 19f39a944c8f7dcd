"""Whom a DICOM file says it shows, and which image: told only to be replaced by pseudonyms, and kept nowhere."""

import re
from io import BytesIO

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from core.radiograph.dicom_files import looks_like_dicom
from core.radiograph.dicom_header import PARSER_ERRORS, text_of

_ATTRIBUTES = ("PatientID", "IssuerOfPatientID")
_INSTANCE = ("SOPInstanceUID",)
_NOBODY = re.compile(r"(anon(ym(ous|i[sz]ed)?)?|unknown|none|null|nan|n/?a|test|patient|dummy|id|x+|0+|[\W_]*)", re.I)
"""What programs write for all patients alike."""
_UID = re.compile(r"[0-9][0-9.]{4,63}")


def patient_id(content: bytes) -> str | None:
    """Return the patient's number in a DICOM file, with who issued it if that is stated; None where there is none."""
    number, issuer = _texts(content, _ATTRIBUTES)
    if _NOBODY.fullmatch(number):
        return None
    return f"{number}\n{issuer}" if issuer else number


def instance_uid(content: bytes) -> str | None:
    """Return the number of the image itself in a DICOM file, None where there is none."""
    (uid,) = _texts(content, _INSTANCE)
    return uid if _UID.fullmatch(uid) else None


def _texts(content: bytes, names: tuple[str, ...]) -> list[str]:
    """Return attributes of a DICOM file as text, empty for what is absent or damaged."""
    tags = [Tag(name) for name in names]

    def is_past(tag: BaseTag, vr: str | None, length: int) -> bool:
        return tag > tags[-1]

    if looks_like_dicom(content):
        try:
            dataset = read_partial(BytesIO(content), is_past, force=True, specific_tags=tags)
            return [text_of(dataset, name) for name in names]
        except (MemoryError, *PARSER_ERRORS):
            pass
    return [""] * len(names)
