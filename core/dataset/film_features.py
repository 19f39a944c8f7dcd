"""What an image's file and a small copy of its picture show: the ground on which a dataset is audited.

Shapes: H and W pixels of the small copy, S side of a signature.
"""

from functools import partial
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from core.dataset.file_batches import map_in_batches
from core.dataset.manifest import MAX_FILE_BYTES, Cohort
from core.errors import RadiographError
from core.progress import OnCount
from core.radiograph.file_errors import typed_file_errors
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square

SIGNATURE_SIDE = 24
DECODED_SIDE = 96
BORDER_SHARE = 0.04
"""Width of the border, as a share of each side."""
DARK = 0.06
"""Grey value below which a border pixel counts as dark: black surroundings, not the image's own greys."""
FEATURE_COLUMNS = (
    *("content_hash", "bit_depth", "quantisation", "brightness", "contrast", "border_darkness", "signature"),
)


def measure_films(
    cohort: Cohort,
    known: pd.DataFrame | None = None,
    progress: OnCount | None = None,
    num_threads: int = 0,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> pd.DataFrame:
    """Return one row of features for each content of a dataset; contents in `known` are not read again.

    `quantisation` is the sum of a JPEG's luminance table, 0 for other formats; brightness, contrast (standard
    deviation) and border darkness (share of dark pixels along the edges) are fractions; `signature` holds the
    24 by 24 grey levels of the image as bytes. A file that cannot be read any more has no row.
    """
    films = cohort.select().drop_duplicates("content_hash")
    if known is not None and not known.empty:
        known = known[known["content_hash"].isin(films["content_hash"])]
        films = films[~films["content_hash"].isin(known["content_hash"])]
    paths = [cohort.root / file for file in films["file"]]
    measure = partial(_measure, max_file_bytes=max_file_bytes)
    rows = [
        (content_hash, *features)
        for content_hash, features in zip(
            films["content_hash"], map_in_batches(measure, paths, num_threads, progress), strict=True
        )
        if features is not None
    ]
    measured = pd.DataFrame(rows, columns=list(FEATURE_COLUMNS))
    parts = [part for part in (known, measured) if part is not None and not part.empty]
    return pd.concat(parts, ignore_index=True) if parts else measured


def signatures_of(features: pd.DataFrame) -> np.ndarray:
    """Return the signatures as `grey_NSS`, uint8."""
    joined = np.frombuffer(b"".join(features["signature"]), dtype=np.uint8)
    return joined.reshape(len(features), SIGNATURE_SIDE, SIGNATURE_SIDE)


def _measure(path: Path, max_file_bytes: int) -> tuple[int, int, float, float, float, bytes] | None:
    """Return the features of one file, or None if it vanished or was damaged since it was indexed."""
    try:
        with path.open("rb") as stream:
            content = stream.read(max_file_bytes)
        with typed_file_errors():
            return _features(content)
    except (OSError, RadiographError):
        return None


def _features(content: bytes) -> tuple[int, int, float, float, float, bytes]:
    film = read_radiograph(content, shortest_side=DECODED_SIDE)
    pixels_HW = film.pixels_HW
    signature_SS = np.round(255 * resize_to_square(pixels_HW, SIGNATURE_SIDE)).astype(np.uint8)
    return (
        film.bit_depth,
        _quantisation(content) if film.file_format == "JPEG" else 0,
        float(pixels_HW.mean()),
        float(pixels_HW.std()),
        float((_border(pixels_HW) < DARK).mean()),
        signature_SS.tobytes(),
    )


def _quantisation(content: bytes) -> int:
    with Image.open(BytesIO(content)) as image:
        return int(sum(cast("JpegImageFile", image).quantization[0]))


def _border(pixels_HW: np.ndarray) -> np.ndarray:
    height, width = pixels_HW.shape
    rows, columns = max(1, round(BORDER_SHARE * height)), max(1, round(BORDER_SHARE * width))
    sides = (pixels_HW[:rows], pixels_HW[-rows:], pixels_HW[:, :columns], pixels_HW[:, -columns:])
    return np.concatenate([side.ravel() for side in sides])
