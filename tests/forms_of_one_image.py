"""One radiograph in many forms: DICOM files and pictures that all show the same, and those that may be refused."""

import itertools
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from core.radiograph.rejection import RejectionReason as Reason
from tests.dicom_files import dataset_of, file_of

PLAIN_SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
COMPRESSED_SYNTAXES = {"RLE": RLELossless, "JPEG 2000": JPEG2000Lossless}
KINDS = ("MONOCHROME2", "MONOCHROME1")
FRONTAL_WORDS = (
    "AP SUPINE",
    "PA UPRIGHT",
    "AP PORTABLE",
    "POSTEROANTERIOR",
    "PA",
    "ap",
    "",
    "FRONTAL",
    "AP ERECT",
    "unheard of",
)
CHEST_WORDS = ("PECHO", "T?RAX", "THORAX", "PORT CHEST", "", "unheard of")
MISSING = (
    *("SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "PatientAge", "BurnedInAnnotation"),
    *("PhotometricInterpretation", "PixelRepresentation", "HighBit", "BitsStored", "SamplesPerPixel", "PatientID"),
)
MAY_BE_REFUSED = {
    "dicom 32 bits": (Reason.UNSUPPORTED_PIXELS, "no detector gives 32 bits, so what they mean cannot be known"),
    "dicom two frames": (Reason.MULTI_FRAME, "which frame is meant cannot be known"),
    "dicom for processing": (Reason.FOR_PROCESSING, "raw detector values are no image yet"),
    "dicom lateral code": (Reason.LATERAL, "the file says that it is no frontal view"),
    "dicom other part": (Reason.NOT_CHEST, "the file says that it is no chest"),
    "dicom other modality": (Reason.OTHER_MODALITY, "the file says that it is no plain radiograph"),
    "dicom no pixels": (Reason.NO_PIXELS, "there is nothing to read"),
    "dicom another size": (Reason.UNSUPPORTED_PIXELS, "header and compressed picture contradict each other"),
    "dicom another number of channels": (
        Reason.UNSUPPORTED_PIXELS,
        "header and compressed picture contradict each other",
    ),
    "dicom no photometric and colour": (Reason.UNSUPPORTED_PIXELS, "three channels of unknown meaning"),
    "picture float without numbers": (Reason.TRUNCATED, "a pixel that is no number has no grey"),
    "picture JPEG2000": (Reason.NOT_A_PICTURE, "not among the formats that are read"),
    "picture PPM": (Reason.NOT_A_PICTURE, "not among the formats that are read"),
    "picture TGA": (Reason.NOT_A_PICTURE, "not among the formats that are read"),
    "picture PDF": (Reason.NOT_A_PICTURE, "a document, which may hold anything"),
    "picture PNG in colours": (Reason.COLOUR, "radiographs are grey"),
}


def stored(film_HW: np.ndarray, bits: int, signed: bool = False) -> np.ndarray:
    words_HW = np.round(film_HW / 255 * (2**bits - 1)).astype(np.int32)
    return (words_HW - 2 ** (bits - 1)).astype(np.int16) if signed else words_HW.astype(np.uint16)


def written(dataset: Dataset, syntax: str = "explicit") -> bytes:
    """Return the file in a transfer syntax, its words swapped for big endian."""
    if syntax in COMPRESSED_SYNTAXES:
        dataset.compress(COMPRESSED_SYNTAXES[syntax], generate_instance_uid=False)
        return file_of(dataset)
    if syntax == "big endian" and dataset.BitsAllocated == 16:
        dataset["PixelData"].value = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = PLAIN_SYNTAXES[syntax]
    return file_of(dataset)


def lut(values: np.ndarray, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), 0, bits])
    item.add_new("LUTData", "US", values.tolist())
    return item


def bits_of(bits: int, shift: int = 0) -> dict[str, int]:
    return {"BitsStored": bits, "HighBit": bits - 1 + shift}


def dicom_forms(film_HW: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each DICOM form."""
    for syntax, kind, bits in itertools.product((*PLAIN_SYNTAXES, *COMPRESSED_SYNTAXES), KINDS, (8, 10, 12, 14, 16)):
        shown_HW = film_HW if kind == "MONOCHROME2" else 255 - film_HW
        grey_HW = shown_HW if bits == 8 else stored(shown_HW, bits)
        attributes = bits_of(bits) | {"PhotometricInterpretation": kind}
        yield f"dicom {syntax} {kind} {bits}", written(dataset_of(grey_HW, **attributes), syntax)
    twelve_HW, twelve = stored(film_HW, 12), bits_of(12)
    for syntax in PLAIN_SYNTAXES:
        for name, (grey_HW, attributes) in {
            "signed 12": (stored(film_HW, 12, signed=True), twelve),
            "upper 12": (twelve_HW << 4, bits_of(12, shift=4)),
            "8 in 16": (film_HW.astype(np.uint16), bits_of(8)),
            "overlay": (twelve_HW | np.uint16(0xF000), twelve),
            "window": (twelve_HW, {**twelve, "WindowCenter": 2048, "WindowWidth": 4096}),
            "rescaled": (twelve_HW, {**twelve, "RescaleSlope": 2, "RescaleIntercept": -1000}),
        }.items():
            yield f"dicom {syntax} {name}", written(dataset_of(grey_HW, **attributes), syntax)
    for name, attributes in _shown_alike().items():
        yield f"dicom {name}", file_of(dataset_of(twelve_HW, **{**twelve, **attributes}))
    for word in FRONTAL_WORDS:
        yield f"dicom view {word}", file_of(dataset_of(film_HW, ViewPosition=word))
    for word in CHEST_WORDS:
        yield f"dicom part {word}", file_of(dataset_of(film_HW, BodyPartExamined=word))
    for name in MISSING:
        yield f"dicom without {name}", file_of(dataset_of(film_HW, **{name: None}))
    for kind, quality in itertools.product(KINDS, (85, 90, 95, 100)):
        yield f"dicom JPEG {kind} {quality}", _as_jpeg(film_HW if kind == KINDS[0] else 255 - film_HW, kind, quality)
    yield from _contradicted_depths(film_HW)
    bare = dataset_of(film_HW)
    yield "dicom no preamble", file_of(bare)[128 + 4 :]
    yield "dicom RGB", file_of(dataset_of(np.stack([film_HW] * 3, axis=2), PhotometricInterpretation="RGB"))
    yield from _refused_dicom(film_HW)


def _as_jpeg(grey_HW: np.ndarray, kind: str, quality: int, **attributes: int) -> bytes:
    dataset = dataset_of(grey_HW, PhotometricInterpretation=kind, **attributes)
    dataset.PixelData = encapsulate([saved(Image.fromarray(grey_HW), "JPEG", quality=quality)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return file_of(dataset)


def _contradicted_depths(film_HW: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield compressed images whose header states another depth than they have."""
    for held, stated in ((8, 12), (8, 16), (10, 16), (12, 8), (12, 10), (12, 16), (16, 12)):
        grey_HW = film_HW if held == 8 else stored(film_HW, held)
        dataset = dataset_of(grey_HW, **bits_of(held))
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 if stated == 8 else 16, stated, stated - 1
        yield f"dicom JPEG 2000 of {held} stated as {stated}", file_of(dataset)
    # Encoders often code the words as they lie, with 16 bits for what has 12.
    dataset = dataset_of(stored(film_HW, 12), **bits_of(16))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.BitsStored, dataset.HighBit = 12, 11
    yield "dicom JPEG 2000 of 12 coded as 16", file_of(dataset)
    yield "dicom JPEG stated as 12", _as_jpeg(film_HW, KINDS[0], 95, BitsAllocated=16, **bits_of(12))


def _shown_alike() -> dict[str, dict[str, Any]]:
    ramp = np.arange(4096)
    narrow = {"RescaleSlope": 1 / 4095, "RescaleIntercept": 0}
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    return {
        "empty VOI LUT": {"VOILUTSequence": Sequence([Dataset()]), **window},
        "VOI LUT 12": {"VOILUTSequence": Sequence([lut(ramp, 12)])},
        "VOI LUT 12 as 16": {"VOILUTSequence": Sequence([lut(ramp, 16)])},
        "VOI LUT 16": {"VOILUTSequence": Sequence([lut(ramp * 16 + 15, 16)])},
        "modality LUT 12": {"ModalityLUTSequence": Sequence([lut(ramp, 12)])},
        "modality LUT 16": {"ModalityLUTSequence": Sequence([lut(ramp * 16, 16)])},
        "empty modality LUT": {"ModalityLUTSequence": Sequence([Dataset()])},
        "empty slope": {"RescaleSlope": "", "RescaleIntercept": ""},
        "window of 1": {**narrow, "WindowCenter": 0.5, "WindowWidth": 1},
        "window of no width": {"WindowCenter": 5, "WindowWidth": 0},
        "half a window": {"WindowCenter": 5},
        "exact window": {**window, "VOILUTFunction": "LINEAR_EXACT"},
        "two windows": {"WindowCenter": [2048, 9], "WindowWidth": [4096, 4]},
        "lower case": {"PhotometricInterpretation": "monochrome2"},
        "identity shape": {"PresentationLUTShape": "IDENTITY"},
        "contradiction": {"PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1"},
        "other contradiction": {"PresentationLUTShape": "INVERSE"},
        "padding": {"PixelPaddingValue": 65535},
        "orientation": {"ViewPosition": None, "PatientOrientation": ["L", "F"]},
    }


def _refused_dicom(film_HW: np.ndarray) -> Iterator[tuple[str, bytes]]:
    code = Dataset()
    code.CodeValue = "399067008"
    yield "dicom 32 bits", file_of(dataset_of(film_HW, BitsAllocated=32))
    yield "dicom two frames", file_of(dataset_of(film_HW, NumberOfFrames=2))
    yield "dicom for processing", file_of(dataset_of(film_HW, PresentationIntentType="FOR PROCESSING"))
    yield (
        "dicom lateral code",
        file_of(dataset_of(film_HW, ViewPosition=None, ViewCodeSequence=Sequence([code]))),
    )
    yield "dicom other part", file_of(dataset_of(film_HW, BodyPartExamined="HAND"))
    yield "dicom other modality", file_of(dataset_of(film_HW, Modality="CT"))
    colours = dataset_of(np.stack([film_HW] * 3, axis=2), PhotometricInterpretation=None)
    yield "dicom no photometric and colour", file_of(colours)
    empty, another = dataset_of(film_HW), dataset_of(film_HW)
    del empty.PixelData
    yield "dicom no pixels", file_of(empty)
    another.compress(JPEG2000Lossless, generate_instance_uid=False)
    another.Rows -= 10
    yield "dicom another size", file_of(another)
    coloured = dataset_of(film_HW)
    coloured.PixelData = encapsulate([saved(Image.fromarray(film_HW).convert("RGB"), "JPEG")])
    coloured["PixelData"].is_undefined_length = True
    coloured.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    yield "dicom another number of channels", file_of(coloured)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def picture_forms(film_HW: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each picture form."""
    grey = Image.fromarray(film_HW)
    ways = [("PNG", {"compress_level": level}) for level in (0, 1, 9)]
    ways += [("TIFF", {"compression": way}) for way in (None, "tiff_lzw", "tiff_deflate", "packbits")]
    ways += [("BMP", {}), ("DIB", {}), ("GIF", {}), ("WEBP", {"lossless": True}), ("WEBP", {"quality": 95})]
    ways += [("JPEG", {"quality": quality, "progressive": way}) for quality in (85, 95, 100) for way in (False, True)]
    for (file_format, options), mode in itertools.product(ways, ("L", "RGB", "RGBA", "P", "LA", "CMYK", "I;16")):
        if (mode in {"RGBA", "LA", "P", "I;16"} and file_format == "JPEG") or (
            (file_format, mode)
            in {
                *((name, "CMYK") for name in ("PNG", "BMP", "DIB", "GIF", "WEBP")),
                *((name, mode) for name in ("BMP", "DIB", "GIF") for mode in ("LA", "RGBA", "I;16")),
                *(("WEBP", mode) for mode in ("I;16", "P", "LA")),
            }
        ):
            continue
        image = Image.fromarray(film_HW.astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
        said = "".join(f" {value}" for value in options.values())
        yield f"picture {file_format}{said} {mode}", saved(image, file_format, **options)
    for file_format, turn in itertools.product(("PNG", "JPEG", "TIFF", "WEBP"), range(1, 9)):
        yield f"picture {file_format} turned {turn}", _turned(grey, file_format, turn)
    for bits in (10, 12, 14, 16):
        yield f"picture PNG {bits} in 16", saved(Image.fromarray(stored(film_HW, bits)), "PNG")
        yield f"picture TIFF {bits} in 16", saved(Image.fromarray(stored(film_HW, bits)), "TIFF")
        yield f"picture int32 {bits}", saved(Image.fromarray(stored(film_HW, bits).astype(np.int32)), "TIFF")
        yield f"picture float {bits}", saved(Image.fromarray(stored(film_HW, bits).astype(np.float32)), "TIFF")
    yield "picture fractions", saved(Image.fromarray((film_HW / 255).astype(np.float32)), "TIFF")
    signed_HW = film_HW.astype(np.float32) - 127.5
    # Nothing else says what is black and white in it.
    signed_HW[0, :2] = -127.5, 127.5
    yield "picture float below 0", saved(Image.fromarray(signed_HW), "TIFF")
    yield "picture float 8", saved(Image.fromarray(film_HW.astype(np.float32)), "TIFF")
    yield "picture thumbnail first", saved(grey.resize((64, 64)), "TIFF", save_all=True, append_images=[grey])
    yield "picture animation", saved(grey, "GIF", save_all=True, append_images=[Image.fromarray(255 - film_HW)])
    for file_format in ("JPEG2000", "PPM", "TGA", "PDF"):
        yield f"picture {file_format}", saved(grey, file_format)
    nowhere_HW = film_HW.astype(np.float32)
    nowhere_HW[5, 5] = np.nan
    yield "picture float without numbers", saved(Image.fromarray(nowhere_HW), "TIFF")
    coloured = Image.merge("RGB", (grey, grey.transpose(Image.Transpose.ROTATE_180), grey))
    yield "picture PNG in colours", saved(coloured, "PNG")


_UNDONE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What lays an upright image down so that the orientation of this number sets it right again."""


def _turned(grey: Image.Image, file_format: str, turn: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    laid = grey if _UNDONE[turn] is None else grey.transpose(_UNDONE[turn])
    options = {"lossless": True} if file_format == "WEBP" else {"quality": 95} if file_format == "JPEG" else {}
    return saved(laid, file_format, exif=exif, **options)
