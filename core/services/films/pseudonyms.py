"""Pseudonyms: the same on this desk for the same value, and nobody without the desk's key can find the value.

The key is drawn for this purpose alone and goes along in a backup, so that numbers stay the same in a restored desk.
"""

import hmac
import re
from enum import StrEnum

from core.dataset.naming import PATIENT_PSEUDONYM
from core.services.desk import Desk
from core.services.desk.secret_keys import secret_key

KEY_FILE = "pseudonyms.key"
NUM_LETTERS = 12
_PATIENT = re.compile(PATIENT_PSEUDONYM)
_STUDY = re.compile(rf"study-[0-9a-f]{{{NUM_LETTERS}}}")


class Kind(StrEnum):
    """What a pseudonym stands for; the same value has another one under each kind."""

    STUDY = "study"
    PATIENT = "patient"
    FILE = "file"
    INSTANCE = "instance"


def pseudonym(desk: Desk, kind: Kind, value: str) -> str:
    """Return the pseudonym of a value, its kind before twelve letters."""
    key = secret_key(desk.settings.home / KEY_FILE, if_too_short="restore it from a backup of this desk")
    digest = hmac.digest(key, f"{kind}\n{value}".encode("utf-8", "surrogateescape"), "sha256")
    return f"{kind}-{digest.hex()[:NUM_LETTERS]}"


def study_number(desk: Desk, name: str) -> str:
    """Return the study number of a file name; of a name that is a number already, that number."""
    stem = name.rpartition("/")[2].removesuffix(".zip")
    return stem if _STUDY.fullmatch(stem) else pseudonym(desk, Kind.STUDY, name)


def patient_pseudonym(desk: Desk, number: str) -> str:
    """Return what stands for a patient's number; of what is a pseudonym already, that pseudonym."""
    return number.lower() if _PATIENT.fullmatch(number.lower()) else pseudonym(desk, Kind.PATIENT, number)
