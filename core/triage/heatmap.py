"""The AI heatmap as a picture: the one way in which an activation map is drawn.

Shapes: h and w cells of a map, H and W pixels of a picture.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from core.model.checkpoint import write_atomically
from core.triage.saliency import unpack_map

# "Inferno": even steps of lightness from dark to bright, so that it reads in grey and for all colour vision.
_STOPS_RGB = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
)

SMOOTH_SIDE = 56
"""A map is made smooth at this size; from there on straight lines look the same and cost half."""

LAYER_SIDE = 224
OPACITY = 0.45
"""Of a map at its strongest, over its image, where nobody sets it."""


@dataclass(frozen=True)
class Heatmap:
    """A map `[h, w]` in [0, 1]: what spoke for pneumonia, as a share of the strongest cell."""

    share_hw: np.ndarray

    @classmethod
    def kept(cls, activation_map: bytes | None) -> "Heatmap | None":
        """Return the heatmap of a map as readings keep it; None where there is none."""
        return None if activation_map is None else cls(unpack_map(activation_map))

    @property
    def is_empty(self) -> bool:
        """Whether nothing spoke for pneumonia."""
        return not self.share_hw.any()

    def png(self) -> bytes:
        """Return it as a square layer to be stretched over its image: the less there is, the clearer."""
        # True colours, though a palette is smaller: programs that take the four channels as they come must find them.
        coloured, strength = self._layer((LAYER_SIDE, LAYER_SIDE))
        coloured.putalpha(strength)
        stream = BytesIO()
        coloured.save(stream, "PNG", compress_level=1)
        return stream.getvalue()

    def kept_in(self, path: Path) -> Path:
        """Return the file of its layer, which is written if it is not there yet."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, self.png())
        return path

    def over(self, film: Image.Image) -> Image.Image:
        """Return a grey picture with the map laid over it, in colours."""
        coloured, strength = self._layer(film.size)
        return Image.composite(coloured, film.convert("RGB"), strength.point(_WEIGHTS))

    def _layer(self, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
        """Return colours and strength, white where it is 1, at this width and height."""
        steps_hw = np.round(np.clip(self.share_hw, 0, 1) * 255).astype(np.uint8)
        smooth = Image.fromarray(steps_hw).resize((SMOOTH_SIDE, SMOOTH_SIDE), Image.Resampling.BICUBIC)
        strength = smooth.resize(size, Image.Resampling.BILINEAR)
        coloured = strength.copy()
        coloured.putpalette(_PALETTE)
        return coloured.convert("RGB"), strength


def colours(share_HW: np.ndarray) -> np.ndarray:
    """Return `rgb_HW3` in 0 to 255 for values in [0, 1]."""
    positions = np.linspace(0, 1, len(_STOPS_RGB))
    channels = zip(*_STOPS_RGB, strict=True)
    return np.stack([np.interp(share_HW, positions, channel) for channel in channels], axis=-1)


_PALETTE = np.round(colours(np.linspace(0, 1, 256))).astype(np.uint8).tobytes()
_WEIGHTS = [round(OPACITY * step) for step in range(256)]
