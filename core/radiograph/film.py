"""One radiograph as every reader hands it on, whatever format its file had.

Shapes: H and W pixels of the upright picture.
"""

from dataclasses import dataclass, replace

import numpy as np

from core.file_reasons import BorderCropped
from core.radiograph.resizing import resize_to_square
from core.radiograph.shutter import Field, find_field
from core.reasons import Reason


@dataclass(frozen=True)
class Radiograph:
    """An image as decoded, upright; width and height are those of the file.

    `grey_HW` holds its grey values as decoded, uint8 with white at 255 or float32 with white at 1: most of an image's
    pixels are needed only once, and turning all into fractions would cost as much as half the decoding.
    `colourfulness` in [0, 1] is the spread of the colour channels over the brightest one, both summed over the pixels.
    `age_years` is the patient's age where the file says it; with `is_age_unclear` it states one that cannot be
    understood. `may_show_text` is whether the file says that writing,
    such as a name, was burned into the picture, or leaves it open; None where its format cannot say.
    `notes` and `doubts` are what its reader has to say of it, as in `Remarks`. `field` is what a shutter or a page
    around the image leaves open: `grey_HW` then holds that part alone, and `uncropped_HW` all that was decoded.
    """

    grey_HW: np.ndarray
    width: int
    height: int
    mode: str
    bit_depth: int
    file_format: str
    colourfulness: float
    age_years: float | None = None
    may_show_text: bool | None = None
    is_age_unclear: bool = False
    notes: tuple[Reason, ...] = ()
    doubts: tuple[Reason, ...] = ()
    field: Field | None = None
    uncropped_HW: np.ndarray | None = None

    @property
    def white(self) -> float:
        """The grey value of white in `grey_HW`."""
        return 255.0 if self.grey_HW.dtype == np.uint8 else 1.0

    @property
    def pixels_HW(self) -> np.ndarray:  # noqa: N802
        """The image as float32 `[H, W]` in [0, 1].

        Division is in single precision: an 8-bit value and its 16-bit twin then give the very same fraction.
        """
        return np.divide(self.grey_HW, np.float32(self.white), dtype=np.float32)

    @property
    def whole_HW(self) -> np.ndarray:  # noqa: N802
        """All grey values as decoded, for those who look at the image; models are given `grey_HW`."""
        return self.grey_HW if self.uncropped_HW is None else self.uncropped_HW

    def cropped(self) -> "Radiograph":
        """Return the image without a border of one grey value around it, with a note on that; itself if it has none."""
        found = find_field(self.grey_HW, self.white)
        if found is None:
            return self
        (rows, columns), (height, width) = found, self.grey_HW.shape
        field = Field(rows.start / height, rows.stop / height, columns.start / width, columns.stop / width)
        return replace(
            self,
            grey_HW=self.grey_HW[found],
            notes=(*self.notes, BorderCropped(round(1 - field.area, 4))),
            field=field,
            uncropped_HW=self.grey_HW,
        )

    def to_square(self, size: int) -> np.ndarray:
        """Return the image as float32 `[size, size]` in [0, 1], as `resize_to_square` makes it of `pixels_HW`."""
        return resize_to_square(self.grey_HW, size, self.white)
