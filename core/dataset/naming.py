"""What file names say of the patient, and those of the standard dataset (Kermany et al. 2018) of the subtype too."""

import re
from dataclasses import dataclass
from typing import Literal

Subtype = Literal["bacterial", "viral", "normal"]

# ASCII, so that neither digits of other scripts nor letters that merely fold to these count.
_FLAGS = re.IGNORECASE | re.ASCII
_PNEUMONIA = re.compile(r"person(\d+)_(bacteria|virus)_\d+(?:_\d+)?\.jpe?g", _FLAGS)
_NORMAL = re.compile(r"(NORMAL2-)?IM-(\d+)-\d+(?:-\d+)?\.jpe?g", _FLAGS)
_SUBTYPES: dict[str, Subtype] = {"bacteria": "bacterial", "virus": "viral"}

PATIENT_PSEUDONYM = r"patient-[0-9a-f]{12}"
"""What stands for a patient's number: the same within a desk, another on each."""
_SCHEMES = {
    "NIH": re.compile(r"(?:.*/)?(000\d{5})_\d{3}\.[^./]+", _FLAGS),
    "CheXpert": re.compile(r"(?:.*/)?patient(\d{5,6})/study\d+/[^/]+", _FLAGS),
    "MIMIC": re.compile(r"(?:.*/)?p(\d{8})/s\d{8}/[^/]+", _FLAGS),
    "Montgomery": re.compile(r"(?:.*/)?MCUCXR_(\d{4})_[01]\.[^./]+", _FLAGS),
    "Shenzhen": re.compile(r"(?:.*/)?CHNCXR_(\d{4})_[01]\.[^./]+", _FLAGS),
}
"""Public datasets whose files say the patient, each with the patient's number in a file's path."""


@dataclass(frozen=True)
class NamedFilm:
    """Patient and subtype as the file name gives them."""

    patient: str
    subtype: Subtype


def parse_kermany_name(file_name: str) -> NamedFilm | None:
    """Return what a file name says, or None for a name of another kind.

    The numbering of `personN` restarts for each subtype, so that subtype and number together are the patient;
    leading zeros do not tell patients apart.
    """
    if match := _PNEUMONIA.fullmatch(file_name):
        subtype = _SUBTYPES[match[2].lower()]
        return NamedFilm(f"{subtype}-{_number(match[1])}", subtype)
    if match := _NORMAL.fullmatch(file_name):
        return NamedFilm(f"{(match[1] or '').upper()}IM-{_number(match[2])}", "normal")
    return None


def patient_of_name(file: str) -> str | None:
    """Return the patient that a file's path says by one of the known schemes, None for any other."""
    if named := parse_kermany_name(file.rpartition("/")[2]):
        return named.patient
    for scheme, form in _SCHEMES.items():
        if match := form.fullmatch(file):
            return f"{scheme}-{_number(match[1])}"
    return None


def _number(digits: str) -> str:
    return digits.lstrip("0") or "0"
