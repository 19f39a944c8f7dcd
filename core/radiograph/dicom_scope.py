"""What a DICOM file says it shows: modality, view and part of the body, in the words of many places.

Codes count first, words second; what is in neither vocabulary says nothing and leaves the question to the gate.
"""

import re
from enum import StrEnum

from pydicom.dataset import Dataset

from core.errors import UnusableFilmError
from core.file_reasons import NotFrontal, OtherModality, OtherPart, RawValues, SeveralFrames
from core.radiograph.dicom_header import items_of, text_of, whole_number, words_of
from core.radiograph.rejection import RejectionReason
from core.reasons import Reason

MODALITIES = {"CR", "DX", "RG"}
OTHER_MODALITIES = {
    *("AR", "AU", "BDUS", "BI", "BMD", "CT", "CTPROTOCOL", "DG", "DOC", "ECG", "EPS", "ES", "FID", "GM", "HC", "HD"),
    *("IO", "IOL", "IVOCT", "IVUS", "KER", "KO", "LEN", "LS", "MG", "MR", "NM", "OAM", "OCT", "OP", "OPM", "OPT"),
    *("OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PLAN", "PR", "PT", "PX", "REG", "RESP", "RF", "RTDOSE", "RTIMAGE"),
    *("RTPLAN", "RTRECORD", "RTSTRUCT", "RWV", "SEG", "SM", "SMR", "SR", "SRF", "STAIN", "TG", "US", "VA", "XA", "XC"),
}
"""The codes of DICOM PS3.3 C.7.3.1.1.1; any other word may be a name and is repeated nowhere."""


class View(StrEnum):
    """What a file says of its view; the value is how a file whose own words are not kept says it."""

    FRONTAL = "FRONTAL"
    OTHER = "LATERAL"
    UNSTATED = ""


class Part(StrEnum):
    """What a file says it shows; the value is how a file whose own words are not kept says it."""

    CHEST = "CHEST"
    OTHER = "EXTREMITY"
    UNSTATED = ""


FRONTAL_CODES = {"399348003", "272479007", "399033003", "R-10206", "R-10214", "R-10202"}
"""Antero-posterior, postero-anterior, frontal, as SNOMED CT and in its older form (DICOM CID 4010)."""
OTHER_CODES = {
    *("399067008", "399173006", "399198007", "R-102CD", "R-10236", "R-10232"),
    *("260427002", "399182000", "399184004", "399236003", "R-102C1", "R-10238", "R-10234"),
    *("399135007", "399006002", "399356000", "399038007", "R-10220", "R-10212", "R-10210", "30730003"),
}
"""Lateral, left and right; oblique from any side; sagittal."""

FRONTAL_WORDS = {
    *("AP", "PA", "APPA", "PAAP", "FRONTAL", "FRONTALE", "ANTEROPOSTERIOR", "POSTEROANTERIOR", "ANTERO", "POSTERO"),
    *("ANTEROPOSTERIEUR", "POSTEROANTERIEUR", "POSTEROANTERIOR", "DV", "VD"),
}
OTHER_WORDS = {
    *("LAT", "LL", "RL", "LLAT", "RLAT", "LATL", "LATR", "LLD", "RLD", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"),
    *("OBL", "LTLAT", "RTLAT", "PROFIL", "PERFIL", "PROFILE", "PROFILO", "SEITLICH", "SAGITTAL"),
}
OTHER_BEGINNINGS = ("LATERAL", "OBLIQ", "OBLICU", "SCHRAG", "DECUB")
FRONTAL_SIGNS, OTHER_SIGNS = ("正面", "正位", "后前", "後前", "前后", "前後"), ("側面", "侧位", "側位", "斜位")

CHEST_PARTS = (
    *("CHEST", "THORAX", "THORAC", "TORAX", "TORAC", "LUNG", "PULMO", "PECHO", "PECTOR", "POITRINE", "BRUST", "CXR"),
    *("BORST", "KLATK", "GOGUS", "AKCIGER", "ГРУД", "ЛЕГК", "胸", "肺", "흉부", "الصدر"),
)
OTHER_BEGINNINGS_OF_PARTS = (
    *("ABDOM", "PELVI", "SKULL", "HEAD", "NECK", "SPINE", "KNEE", "HAND", "FOOT", "FEET", "ANKLE", "WRIST", "ELBOW"),
    *("SHOULDER", "FEMUR", "TIBIA", "FIBULA", "HUMER", "FOREARM", "FINGER", "THUMB", "BREAST", "EXTREM", "MANDIB"),
    *("MAXILL", "TEETH", "TOOTH", "DENTAL", "SINUS", "CLAVIC", "SCAPUL", "CALCAN", "PATELL", "COCCYX", "SACR", "CRANI"),
    *("RODILLA", "KNIE", "BECKEN", "SCHADEL", "SCHULTER", "GENOU", "BASSIN", "CADERA", "COLUMNA", "CRANEO"),
)
OTHER_WHOLE_PARTS = {
    *("HIP", "HIPS", "LEG", "LEGS", "ARM", "ARMS", "TOE", "TOES", "JAW", "FACE", "NOSE", "ORBIT", "BRAIN", "COLON"),
    *("CSPINE", "TSPINE", "LSPINE", "SSPINE", "CTSPINE", "TLSPINE", "LSSPINE", "MANO", "PIE", "FUSS"),
}


def check_scope(dataset: Dataset) -> None:
    """Raise UnusableFilmError if the file says that it is no single frontal chest radiograph meant to be looked at."""
    modality = text_of(dataset, "Modality")
    if modality and modality not in MODALITIES:
        known = modality if modality in OTHER_MODALITIES else None
        _refuse(RejectionReason.OTHER_MODALITY, OtherModality(known))
    if part_of(dataset) is Part.OTHER:
        _refuse(RejectionReason.NOT_CHEST, OtherPart())
    if view_of(dataset) is View.OTHER:
        _refuse(RejectionReason.LATERAL, NotFrontal())
    if text_of(dataset, "PresentationIntentType") == "FOR PROCESSING":
        _refuse(RejectionReason.FOR_PROCESSING, RawValues())
    if (whole_number(dataset, "NumberOfFrames") or 1) > 1:
        _refuse(RejectionReason.MULTI_FRAME, SeveralFrames())


def view_of(dataset: Dataset) -> View:
    """Return the view by the first of codes, view position, orientation of the patient and body part that says one."""
    for item in items_of(dataset, "ViewCodeSequence"):
        code = text_of(item, "CodeValue")
        if code in FRONTAL_CODES | OTHER_CODES:
            return View.FRONTAL if code in FRONTAL_CODES else View.OTHER
        meant = _view_in(words_of(item, "CodeMeaning"))
        if meant is not View.UNSTATED:
            return meant
    stated = _view_in(words_of(dataset, "ViewPosition"))
    if stated is View.UNSTATED:
        stated = _view_by_orientation(words_of(dataset, "PatientOrientation").split())
    return _view_in(words_of(dataset, "BodyPartExamined")) if stated is View.UNSTATED else stated


def part_of(dataset: Dataset) -> Part:
    """Return whether the file says that it shows a chest, another part, or nothing that is in the vocabulary."""
    text = words_of(dataset, "BodyPartExamined")
    if any(word in text for word in CHEST_PARTS):
        return Part.CHEST
    words = re.findall(r"\w+", text)
    is_other = any(word in OTHER_WHOLE_PARTS or word.startswith(OTHER_BEGINNINGS_OF_PARTS) for word in words)
    return Part.OTHER if is_other else Part.UNSTATED


def _view_in(text: str) -> View:
    """Return the view that words name; words of both kinds name none."""
    words = set(re.findall(r"[^\W_]+", text)) | {re.sub(r"[\W_]+", "", text)}
    is_frontal = bool(words & FRONTAL_WORDS) or any(sign in text for sign in FRONTAL_SIGNS)
    is_other = (
        bool(words & OTHER_WORDS)
        or any(word.startswith(OTHER_BEGINNINGS) for word in words)
        or any(sign in text for sign in OTHER_SIGNS)
    )
    if is_frontal == is_other:
        return View.UNSTATED
    return View.FRONTAL if is_frontal else View.OTHER


def _view_by_orientation(directions: list[str]) -> View:
    """Return the view by the directions of rows and columns: a frontal one has left and right in it."""
    if len(directions) != 2:
        return View.UNSTATED
    principal = {direction[:1] for direction in directions}
    if principal & {"F", "H"}:
        if principal & {"A", "P"}:
            return View.OTHER
        if principal & {"L", "R"}:
            return View.FRONTAL
    return View.UNSTATED


def _refuse(reason: RejectionReason, why: Reason) -> None:
    raise UnusableFilmError(reason, why)
