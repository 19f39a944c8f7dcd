"""Rewrites a DICOM image with what reading it needs, and nothing else of its file.

Every value is a number, a word of a fixed vocabulary, or pixels of exactly the size stated: text of the file's own
may hold anything, a name as well.
"""

import hashlib
from io import BytesIO

import numpy as np
from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from core.errors import UnreadableFileError, UnusableFilmError
from core.file_reasons import NotRewritable
from core.radiograph.codestream import codestream_of, follow_codestream, prefer_fewer_bits
from core.radiograph.dicom import KINDS, MAX_PIXELS, read_dicom
from core.radiograph.dicom_header import (
    PARSER_ERRORS,
    age_in_years,
    items_of,
    numbers,
    read_header,
    states_unclear_age,
    text_of,
    whole_number,
)
from core.radiograph.dicom_patient import instance_uid, patient_id
from core.radiograph.dicom_scope import MODALITIES, OTHER_MODALITIES, part_of, view_of
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.image_format import Pseudonym
from core.radiograph.rejection import RejectionReason

COUNTS = (
    *("SamplesPerPixel", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
)
NUMBERS = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth")
WORDS = {
    "PhotometricInterpretation": KINDS,
    "PresentationIntentType": {"FOR PROCESSING", "FOR PRESENTATION"},
    "BurnedInAnnotation": {"YES", "NO"},
    "VOILUTFunction": {"LINEAR", "LINEAR_EXACT", "SIGMOID"},
    "PresentationLUTShape": {"IDENTITY", "INVERSE"},
}
PALETTES = tuple(f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue"))
ANOTHER_MODALITY = "OT"
UNCLEAR_AGE = "?"
OLDEST_STATED = 89
"""An age above it is rare enough to point to somebody; it is stated as 90."""
_LONGEST_DECIMAL = 16


def plain_dicom(content: bytes, pseudonym: Pseudonym | None = None) -> bytes:
    """Return the image in a DICOM file in a new one, with a pseudonym in place of the patient's number.

    Compressed pixels are stored uncompressed, since what is compressed may carry remarks of its own. Of a file that
    says it is no frontal chest image and whose pixels cannot be rewritten the header stays, for it says why. Raises
    UnreadableFileError for any other that is damaged, or whose pixels cannot be decoded or are fewer than it says.
    """
    try:
        return _rewritten(content, pseudonym)
    except (MemoryError, *PARSER_ERRORS) as error:
        with typed_file_errors():
            try:
                read_dicom(content)
            except UnusableFilmError:
                # Its reason is in the header, whatever became of its pixels.
                return _rewritten(content, pseudonym, with_pixels=False)
        raise UnreadableFileError(RejectionReason.UNSUPPORTED_PIXELS, NotRewritable()) from error


def _rewritten(content: bytes, pseudonym: Pseudonym | None, *, with_pixels: bool = True) -> bytes:
    """Return the new file; raises what the library raises for a damaged one."""
    source = read_header(content)
    age = age_in_years(source)
    if with_pixels and "PixelData" in source and source.file_meta.TransferSyntaxUID.is_compressed:
        _refuse_too_many_pixels(source)
        fewer_bits = follow_codestream(source, codestream_of(source))
        source.decompress(generate_instance_uid=False)
        if fewer_bits:
            kind = "i" if whole_number(source, "PixelRepresentation") == 1 else "u"
            width = source.BitsAllocated // 8
            prefer_fewer_bits(source, fewer_bits, np.frombuffer(source.PixelData, f"<{kind}{width}"))
    plain = Dataset()
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _state_numbers(source, plain)
    _state_words(source, plain)
    _state_tables(source, plain)
    if age is not None:
        plain.PatientAge = _stated(age)
    elif states_unclear_age(source):
        # What cannot be understood may be anything, so it is not kept; that it was stated decides the scope.
        plain.PatientAge = UNCLEAR_AGE
    if with_pixels and "PixelData" in source:
        pixels = source["PixelData"].value[: _num_pixel_bytes(source)]
        if len(pixels) < _num_pixel_bytes(source):
            raise ValueError("fewer pixels than the header says")
        wide = (whole_number(source, "BitsAllocated") or 8) > 8
        plain.add_new("PixelData", "OW" if wide else "OB", pixels + b"\0" * (len(pixels) % 2))
    number = patient_id(content) if pseudonym else None
    if pseudonym and number:
        plain.PatientID = pseudonym(number)
    # The same file is the same image, also when it is sent again.
    plain.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[hashlib.sha256(content).hexdigest()])
    if instance_uid(content):
        plain.SOPInstanceUID = plain.file_meta.MediaStorageSOPInstanceUID
    plain.file_meta.MediaStorageSOPClassUID = plain.get("SOPClassUID") or ComputedRadiographyImageStorage
    stream = BytesIO()
    plain.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _state_numbers(source: Dataset, plain: Dataset) -> None:
    for name in COUNTS:
        value = whole_number(source, name)
        if value is None:
            continue
        if name == "NumberOfFrames":
            plain.NumberOfFrames = value
        else:
            plain.add_new(Tag(name), "US" if value >= 0 else "SS", value)
    for name in NUMBERS:
        if name in source:
            setattr(plain, name, [_decimal(value) for value in numbers(source, name)])


def _decimal(value: float) -> str:
    """Return a number in the sixteen signs that DICOM has for it."""
    return next(text for digits in range(16, 5, -1) if len(text := f"{value:.{digits}g}") <= _LONGEST_DECIMAL)


def _state_words(source: Dataset, plain: Dataset) -> None:
    for name, known in WORDS.items():
        if text_of(source, name) in known:
            setattr(plain, name, text_of(source, name))
    if modality := text_of(source, "Modality"):
        plain.Modality = modality if modality in MODALITIES | OTHER_MODALITIES else ANOTHER_MODALITY
    if text_of(source, "SOPClassUID") in UID_dictionary:
        plain.SOPClassUID = text_of(source, "SOPClassUID")
    plain.ViewPosition, plain.BodyPartExamined = view_of(source).value, part_of(source).value


def _state_tables(source: Dataset, plain: Dataset) -> None:
    for name in ("ModalityLUTSequence", "VOILUTSequence"):
        if name in source:
            setattr(plain, name, Sequence([_lut(item) for item in items_of(source, name)]))
    for name in PALETTES:
        if f"{name}Descriptor" in source and f"{name}Data" in source:
            _state_table(source, plain, f"{name}Descriptor", f"{name}Data")


def _lut(item: Dataset) -> Dataset:
    kept = Dataset()
    if item.get("LUTDescriptor") and item.get("LUTData"):
        _state_table(item, kept, "LUTDescriptor", "LUTData")
    return kept


def _state_table(source: Dataset, plain: Dataset, descriptor: str, data: str) -> None:
    """State a table in as many entries as its descriptor says, of bytes or of words as they are."""
    stated = [int(value) for value in source[descriptor].value]
    num_entries, values = stated[0] or 2**16, source[data].value
    plain.add_new(Tag(descriptor), "SS" if min(stated) < 0 else "US", stated)
    if isinstance(values, bytes):
        width = 1 if len(values) <= num_entries + 1 else 2
        values = values[: num_entries * width]
        plain.add_new(Tag(data), "OW", values + b"\0" * (len(values) % 2))
    else:
        plain.add_new(Tag(data), "US", [int(value) for value in values][:num_entries])


def _refuse_too_many_pixels(source: Dataset) -> None:
    frames = whole_number(source, "NumberOfFrames") or 1
    if (whole_number(source, "Rows") or 0) * (whole_number(source, "Columns") or 0) * frames > MAX_PIXELS:
        raise ValueError("more pixels than any image has")


def _num_pixel_bytes(source: Dataset) -> int:
    """Return how many bytes uncompressed pixels take; raises TypeError or ValueError where the header does not say."""
    samples = whole_number(source, "SamplesPerPixel") or 1
    if text_of(source, "PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2
    rows, columns, bits = (whole_number(source, name) for name in ("Rows", "Columns", "BitsAllocated"))
    if rows is None or columns is None or bits is None:
        raise ValueError("no size")
    num_bytes = (rows * columns * (whole_number(source, "NumberOfFrames") or 1) * samples * bits + 7) // 8
    if num_bytes <= 0:
        raise ValueError("no pixels")
    return num_bytes


def _stated(age_years: float) -> str:
    """Return an age as DICOM states it, in months below two years."""
    if age_years < 2:
        return f"{int(age_years * 12 + 1e-9):03d}M"
    return f"{min(int(age_years), OLDEST_STATED + 1):03d}Y"
