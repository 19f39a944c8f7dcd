"""DICOM files made of any grey picture, for tests and benchmarks; they show what the picture shows."""

from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


def dataset_of(grey_HW: np.ndarray, **attributes: Any) -> Dataset:
    """Return a dataset of a chest image; `attributes` are added, replace what is there, or with None take it away."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    bits = grey_HW.itemsize * 8
    standard = {
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": generate_uid(entropy_srcs=["test"]),
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP",
        "PatientName": "Secret^Name",
        "PatientID": "SECRET-ID",
        "PatientAge": "003Y",
        "BurnedInAnnotation": "NO",
        "SamplesPerPixel": 1 if grey_HW.ndim == 2 else 3,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": grey_HW.shape[0],
        "Columns": grey_HW.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(grey_HW.dtype.kind == "i"),
    }
    for name, value in {**standard, **attributes}.items():
        if value is not None:
            setattr(dataset, name, value)
    content = grey_HW.tobytes()
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", content + b"\0" * (len(content) % 2))
    return dataset


def file_of(dataset: Dataset, **options: Any) -> bytes:
    """Return a dataset as the bytes of a file, with preamble and meta header unless told otherwise."""
    stream = BytesIO()
    dataset.save_as(stream, **{"enforce_file_format": True, **options})
    return stream.getvalue()


def dicom_of(grey_HW: np.ndarray, **attributes: Any) -> bytes:
    """Return a picture as a DICOM file."""
    return file_of(dataset_of(grey_HW, **attributes))
