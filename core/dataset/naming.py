"""What the file names of the standard cohort (Kermany et al. 2018) say of patient and subtype."""

import re
from dataclasses import dataclass
from typing import Literal

Subtype = Literal["bacterial", "viral", "normal"]

# ASCII, so that neither digits of other scripts nor letters that merely fold to these count.
_FLAGS = re.IGNORECASE | re.ASCII
_PNEUMONIA = re.compile(r"person(\d+)_(bacteria|virus)_\d+(?:_\d+)?\.jpe?g", _FLAGS)
_NORMAL = re.compile(r"(NORMAL2-)?IM-(\d+)-\d+(?:-\d+)?\.jpe?g", _FLAGS)
_SUBTYPES: dict[str, Subtype] = {"bacteria": "bacterial", "virus": "viral"}


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


def _number(digits: str) -> str:
    return digits.lstrip("0") or "0"
