"""Writes a DICOM film anew with what reading it needs, and nothing else of its file."""

from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from core.radiograph.dicom_header import (
    PARSER_ERRORS,
    PIXEL_ATTRIBUTES,
    SCOPE_ATTRIBUTES,
    age_in_years,
    read_header,
    states_unclear_age,
)
from core.radiograph.dicom_scope import part_of, view_of

LUT_ATTRIBUTES = ("LUTDescriptor", "LUTData")
IN_OWN_WORDS = {"PatientAge", "ViewPosition", "BodyPartExamined"}
UNCLEAR_AGE = "?"
OLDEST_STATED = 89
"""An age above it is rare enough to point to somebody; it is stated as 90."""


def plain_dicom(content: bytes) -> bytes:
    """Return the film in a DICOM file in a new one; raises what the library raises for a damaged file.

    Compressed pixels are stored uncompressed, since what is compressed may carry remarks of its own; those that cannot
    be decoded stay as they are, to be refused for that.
    """
    source = read_header(content)
    age = age_in_years(source)
    try:
        if source.file_meta.TransferSyntaxUID.is_compressed and "PixelData" in source:
            source.decompress(generate_instance_uid=False)
    except PARSER_ERRORS:
        pass
    plain = Dataset()
    plain.file_meta = FileMetaDataset()
    syntax = source.file_meta.TransferSyntaxUID
    plain.file_meta.TransferSyntaxUID = syntax if syntax.is_encapsulated else ExplicitVRLittleEndian
    for name in (*PIXEL_ATTRIBUTES, *SCOPE_ATTRIBUTES):
        if name in source and name not in IN_OWN_WORDS:
            plain[name] = source[name]
    for name in ("ModalityLUTSequence", "VOILUTSequence"):
        if name in plain:
            setattr(plain, name, Sequence([_lut(item) for item in plain[name].value]))
    # In the desk's own words: theirs may hold anything, a name as well.
    plain.ViewPosition, plain.BodyPartExamined = view_of(source).value, part_of(source).value
    if age is not None:
        plain.PatientAge = _stated(age)
    elif states_unclear_age(source):
        # What cannot be understood may be anything, so it is not kept; that it was stated decides the scope.
        plain.PatientAge = UNCLEAR_AGE
    plain.SOPInstanceUID = generate_uid(None)
    plain.file_meta.MediaStorageSOPInstanceUID = plain.SOPInstanceUID
    plain.file_meta.MediaStorageSOPClassUID = plain.get("SOPClassUID") or "1.2.840.10008.5.1.4.1.1.1"
    stream = BytesIO()
    plain.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _lut(item: Dataset) -> Dataset:
    kept = Dataset()
    for name in LUT_ATTRIBUTES:
        if name in item:
            kept[name] = item[name]
    return kept


def _stated(age_years: float) -> str:
    """Return an age as DICOM states it, in months below two years."""
    if age_years < 2:
        return f"{int(age_years * 12 + 1e-9):03d}M"
    return f"{min(int(age_years), OLDEST_STATED + 1):03d}Y"
