"""How many bits the grey values of an image really use, whatever the file declares."""

DEPTHS_HELD = (8, 10, 12, 14, 16)
"""What detectors and programs store."""


def depth_held(highest: int) -> int:
    """Return the least usual number of bits that holds this grey value; 16 for any above."""
    return next((depth for depth in DEPTHS_HELD if highest < 2**depth), DEPTHS_HELD[-1])
