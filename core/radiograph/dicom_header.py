"""What a DICOM file says of its image before any pixel is looked at: is it one this desk reads, and how old is whom.

Only the attributes listed here are ever taken from a file; names, numbers and dates of birth are not among them
but for the one that gives an age where none is stated.
"""

import logging
import math
import re
import struct
import unicodedata
import warnings
import zlib
from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import config
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from core.errors import UnreadableFileError
from core.file_reasons import DicomAsksTooMuch, DicomDamaged, DicomTooManyAttributes, UnpacksTooLarge
from core.radiograph.rejection import RejectionReason
from core.reasons import Reason

MAX_ELEMENTS = 20_000
MAX_INFLATED_BYTES = 200 * 10**6

PIXEL_ATTRIBUTES = (
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "FloatPixelData"),
    *("DoubleFloatPixelData", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor"),
    *("BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData"),
    "BluePaletteColorLookupTableData",
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth"),
    *("VOILUTFunction", "VOILUTSequence", "PresentationLUTShape"),
)
SCOPE_ATTRIBUTES = (
    *("SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "PresentationIntentType"),
    *("BurnedInAnnotation", "PatientAge"),
)
_ONLY_FOR_AGE = ("PatientBirthDate", "StudyDate")
_ONLY_FOR_VIEW = ("ViewCodeSequence", "PatientOrientation")
_AGE = re.compile(r"(\d{1,4}) ?([DWMY])", re.ASCII)
_AGES_IN_A_YEAR = {"Y": 1, "M": 12, "W": 365.25 / 7, "D": 365.25}
OLDEST_PLAUSIBLE = 130
"""In years, of an age that only two dates tell."""
_PIXELS = Tag("PixelData")
_WANTED: list[BaseTag | int] = [
    Tag(name) for name in (*PIXEL_ATTRIBUTES, *SCOPE_ATTRIBUTES, *_ONLY_FOR_AGE, *_ONLY_FOR_VIEW)
]

# The library's own remarks may quote a file's values; nothing of a file is to are in a log.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom.*")
config.settings.reading_validation_mode = config.IGNORE

PARSER_ERRORS = (
    *(InvalidDicomError, OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(NotImplementedError, OverflowError, RecursionError, LookupError, zlib.error, ArithmeticError, AssertionError),
    *(RuntimeError, BytesLengthException, struct.error),
)
"""What pydicom and its decoders are known to raise for damaged files."""


def read_header(content: bytes) -> FileDataset:
    """Return the listed attributes of a DICOM file; raises UnreadableFileError for a damaged one.

    Big-endian files come as little-endian ones, so that code that takes the pixels' bytes need not know the difference.
    """
    seen = 0

    def too_many(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal seen
        seen += 1
        return seen > MAX_ELEMENTS

    try:
        refuse_bombs(content)
        dataset = read_partial(BytesIO(content), too_many, force=True, specific_tags=_WANTED)
        _complete_transfer_syntax(dataset)
        if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
            to_little_endian(dataset)
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    except MemoryError as error:
        raise _damaged(DicomAsksTooMuch()) from error
    except PARSER_ERRORS as error:
        raise _damaged(DicomDamaged(type(error).__name__)) from error
    if seen > MAX_ELEMENTS:
        raise _damaged(DicomTooManyAttributes(MAX_ELEMENTS))
    return dataset


def age_in_years(dataset: FileDataset) -> float | None:
    """Return the patient's age at the study in years, None where the file does not say it plausibly.

    A stated age counts before the two dates; by these the age is a number of whole months.
    """
    stated = _AGE.fullmatch(text_of(dataset, "PatientAge"))
    if stated is not None:
        return int(stated[1]) / _AGES_IN_A_YEAR[stated[2]]
    if states_unclear_age(dataset):
        return None
    born, taken = (_day(text_of(dataset, name)) for name in _ONLY_FOR_AGE)
    if born is None or taken is None:
        return None
    months = 12 * (taken.year - born.year) + taken.month - born.month - (taken.day < born.day)
    return months / 12 if 0 <= months <= 12 * OLDEST_PLAUSIBLE else None


def states_unclear_age(dataset: FileDataset) -> bool:
    """Return whether the file states an age that cannot be understood, such as one without a unit."""
    stated = text_of(dataset, "PatientAge")
    return stated != "" and _AGE.fullmatch(stated) is None


def may_show_text(dataset: FileDataset) -> bool:
    """Return whether writing may be burned into the picture: the file states it, or does not say."""
    return text_of(dataset, "BurnedInAnnotation") != "NO"


def text_of(dataset: Dataset, name: str) -> str:
    """Return an attribute's first value as text in capitals, empty if it is absent or no text."""
    value = _value(lambda: dataset.get(name))
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        value = value[0] if len(value) else ""
    return str(value or "").strip("\0 ").upper()


def words_of(dataset: Dataset, name: str) -> str:
    """Return an attribute's values as one text in capitals without accents, in whatever character set they are."""
    value = _value(lambda: dataset.get(name))
    values = value if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue" else [value or ""]
    text = _in_its_characters(dataset, " ".join(map(str, values)))
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return unicodedata.normalize("NFC", plain).strip("\0 ").upper()


def _in_its_characters(dataset: Dataset, text: str) -> str:
    """Return a coded string in the file's own character set; the library takes the bytes of one for Latin-1."""
    if text.isascii():
        return text
    stated = text_of(dataset, "SpecificCharacterSet").replace("_", " ")
    known = {name.replace("_", " "): encoding for name, encoding in python_encoding.items()}
    for encoding in (known.get(stated, "utf-8"), "utf-8"):
        decoded = _value(lambda encoding=encoding: text.encode("iso8859-1").decode(encoding))
        if isinstance(decoded, str):
            return decoded
    return text


def items_of(dataset: Dataset, name: str) -> list[Dataset]:
    """Return the items of a sequence, none if it is absent or damaged."""
    found = _value(lambda: list(dataset.get(name) or []))
    return [item for item in found if isinstance(item, Dataset)] if isinstance(found, list) else []


def whole_number(dataset: Dataset, name: str) -> int | None:
    """Return an attribute's value if it is one whole number."""
    value = _value(lambda: int(dataset.get(name)))
    return value if isinstance(value, int) else None


def state(dataset: Dataset, name: str, value: int | str) -> None:
    """Let a header state a value in place of the present one, which is not parsed: it may be damaged."""
    dataset.add_new(name, dictionary_VR(name), value)


def numbers(dataset: Dataset, name: str) -> list[float]:
    """Return an attribute's values as far as they are finite numbers."""
    value = _value(lambda: dataset.get(name))
    values = value if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue" else [value]
    found = [_value(lambda each=each: float(each)) for each in values]
    return [number for number in found if isinstance(number, float) and math.isfinite(number)]


def _value(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except PARSER_ERRORS:
        return None


def _day(text: str) -> date | None:
    """Return the day that YYYYMMDD names."""
    return _value(lambda: datetime.strptime(text[:8], "%Y%m%d").date())


def refuse_bombs(content: bytes) -> None:
    """Raise UnreadableFileError for a deflated file larger than any image, which the library would unpack whole."""
    uid = DeflatedExplicitVRLittleEndian.encode()
    start = content.find(uid, 0, 4096)
    if start < 0:
        return
    group_end = 144 + int.from_bytes(content[140:144], "little")
    inflater, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, content[group_end:]
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, 2**20))
        rest = inflater.unconsumed_tail
        if size > MAX_INFLATED_BYTES:
            raise UnreadableFileError(RejectionReason.FILE_TOO_LARGE, UnpacksTooLarge(MAX_INFLATED_BYTES // 10**6))


def _complete_transfer_syntax(dataset: FileDataset) -> None:
    """State how the file is encoded where it has no meta header and the library had to find out."""
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    is_implicit, is_little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit


def to_little_endian(dataset: Dataset) -> None:
    """Swap the bytes of all words that the library leaves as they lie in a big-endian file: pixels and tables."""
    has_words = whole_number(dataset, "BitsAllocated") == 16
    for tag in list(dataset.keys()):
        vr = dataset.get_item(tag).VR
        if vr == "SQ":
            for item in dataset[tag].value:
                to_little_endian(item)
        elif vr == "OW" or (tag == _PIXELS and has_words):
            content = dataset[tag].value
            dataset[tag].value = np.frombuffer(content, np.uint16, len(content) // 2).byteswap().tobytes()


def _damaged(why: Reason) -> UnreadableFileError:
    return UnreadableFileError(RejectionReason.TRUNCATED, why)
