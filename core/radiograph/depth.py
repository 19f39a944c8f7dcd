"""How many bits the grey values of an image really use, whatever the file declares.

Shapes: H and W pixels.
"""

import numpy as np

from core.file_reasons import FewerBitsUsed, RangeUnstated, ValuesBelowZero
from core.radiograph.remarks import Remarks

DEPTHS_HELD = (8, 10, 12, 14, 16)
"""What detectors and programs store."""
WHITE_OF_WORDS = 2**16 - 1


def depth_held(highest: float) -> int:
    """Return the least usual number of bits that holds this grey value; 16 for any above."""
    return next((depth for depth in DEPTHS_HELD if highest < 2**depth), DEPTHS_HELD[-1])


def white_of(values_HW: np.ndarray, remarks: Remarks) -> int:
    """Return the white that grey values from 0 to at most 65535 were made for, with a note where it is a guess.

    Detectors give 10, 12 or 14 bits, and many programs save them in 16 as they are: all of the image would be nearly
    black. An 8-bit picture brought to 16 bits holds multiples of 257 alone, and so is never taken for one of these.
    """
    depth = depth_held(float(values_HW.max()))
    if depth == DEPTHS_HELD[-1] or (depth > DEPTHS_HELD[0] and not (values_HW % 257).any()):
        return WHITE_OF_WORDS
    remarks.notes.append(FewerBitsUsed(16, depth))
    return 2**depth - 1


def range_of(values_HW: np.ndarray, white_of_kind: int | None, remarks: Remarks) -> tuple[float, float]:
    """Return the black and white of grey values of 32 bits, whole or not, by what they hold.

    `white_of_kind` is the largest that whole numbers of their kind can be, None for floats.
    """
    low, high = float(values_HW.min()), float(values_HW.max())
    if low >= 0 and white_of_kind is None and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= WHITE_OF_WORDS:
        return 0.0, float(white_of(values_HW, remarks))
    if white_of_kind is not None and low >= 0 and high > white_of_kind / 4:
        return 0.0, float(white_of_kind)
    if low < 0:
        half = next((2 ** (depth - 1) for depth in DEPTHS_HELD if max(-low, high + 1) <= 2 ** (depth - 1)), None)
        if half is not None and white_of_kind is not None:
            remarks.notes.append(ValuesBelowZero())
            return float(-half), float(half - 1)
    remarks.notes.append(RangeUnstated())
    return low, max(high, low + 1e-12)
