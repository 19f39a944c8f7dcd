"""What the file names of the standard cohort (Kermany et al. 2018) say of patient and subtype."""

import re
from dataclasses import dataclass
from typing import Literal

Subtype = Literal["bacterial", "viral", "normal"]

_PNEUMONIA = re.compile(r"^person(\d+)_(bacteria|virus)_(\d+)(?:_\d+)?\.jpe?g$", re.IGNORECASE)
_NORMAL = re.compile(r"^(NORMAL2-)?IM-(\d+)-(\d+)(?:-(\d+))?\.jpe?g$", re.IGNORECASE)
_SUBTYPES: dict[str, Subtype] = {"bacteria": "bacterial", "virus": "viral"}


@dataclass(frozen=True)
class NamedFilm:
    """Patient and subtype as the file name gives them."""

    patient: str
    subtype: Subtype


def parse_kermany_name(file_name: str) -> NamedFilm | None:
    """Return what a file name says, or None for a name of another kind.

    The numbering of `personN` restarts for each subtype, so that subtype and number together are the patient.
    """
    if match := _PNEUMONIA.match(file_name):
        subtype = _SUBTYPES[match[2].lower()]
        return NamedFilm(f"{subtype}-{int(match[1])}", subtype)
    if match := _NORMAL.match(file_name):
        return NamedFilm(f"{(match[1] or '').upper()}IM-{int(match[2])}", "normal")
    return None
