"""Draws synthetic chest images, for trying the desk where no real image may lie; they show nobody.

Shapes: H and W pixels of the square picture. Coordinates run from -1 to 1, right and down; lengths are
fractions of half the picture's side.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

_OPACITY_EVERY = 2
_JPEG_EVERY = 3
_MARK = ".synthetic-films"


def synthesise_phantom(seed: int, size: int = 512, opacity: bool = False) -> np.ndarray:
    """Return a drawn frontal chest as uint8 `[H, W]`: lungs, heart, ribs, spine, diaphragm, shoulders, noise.

    With `opacity` one lung holds a hazy patch. The same arguments give the same picture on every machine with
    the same NumPy and Pillow.
    """
    draw = _Drawing.of(np.random.default_rng(seed), size)
    film_HW = _body(draw)
    film_HW = film_HW - 0.42 * _lungs(draw)
    film_HW += 0.10 * _ribs(draw) + 0.11 * _vessels(draw)
    film_HW = np.maximum(film_HW, _middle(draw))
    if opacity:
        film_HW = _hazy(film_HW, draw)
    film_HW += 0.03 * draw.smooth_noise(size / 40) + 0.012 * draw.rng.standard_normal((size, size))
    film_HW = _blurred(film_HW, size / 400)
    # An image's curve: flat in the black surroundings, compressed in the white.
    return np.round(255 * np.clip(film_HW, 0, 1) ** 1.1).astype(np.uint8)


def write_phantom_folder(folder: Path, num_films: int, seed: int = 0, *, with_hostile: bool = False) -> list[Path]:
    """Write `phantom_001.png` and so on, every third as JPEG, every second with an opacity; return their paths.

    `with_hostile` adds, after the images, what a real folder also holds: a colour picture, a blank one, a text
    that is named .jpg and an empty file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark_as_drawn(folder)
    paths = []
    for number in range(1, num_films + 1):
        ending = "jpg" if number % _JPEG_EVERY == 0 else "png"
        paths.append(folder / f"phantom_{number:03d}.{ending}")
        film_HW = synthesise_phantom(seed * 100_003 + number, opacity=number % _OPACITY_EVERY == 0)
        Image.fromarray(film_HW).save(paths[-1], None, **({"quality": 92} if ending == "jpg" else {}))
    return paths + (_write_hostile(folder) if with_hostile else [])


def mark_as_drawn(folder: Path) -> None:
    """Leave in a folder the word that its images are drawn; it goes along when the folder is copied or moved."""
    (folder / _MARK).write_text("The images in this folder are drawn by a program. They show nobody.\n")


def is_marked_as_drawn(folder: Path) -> bool:
    """Return whether a folder, or one above it, says that its images are drawn."""
    return any((place / _MARK).exists() for place in (folder, *folder.parents))


def _write_hostile(folder: Path) -> list[Path]:
    colour, blank, text, empty = (
        folder / name for name in ("colour_picture.png", "blank.png", "text.jpg", "empty.png")
    )
    ramp_HW = np.tile(np.linspace(0, 255, 320, dtype=np.uint8), (240, 1))
    Image.fromarray(np.stack([ramp_HW, ramp_HW[::-1, ::-1], np.roll(ramp_HW, 90, axis=1)], axis=2)).save(colour)
    Image.new("L", (320, 240), 128).save(blank)
    text.write_text("This is a note, not an image.\n", encoding="utf-8")
    empty.write_bytes(b"")
    return [colour, blank, text, empty]


@dataclass(frozen=True)
class _Drawing:
    """One phantom's paper: coordinates, chance and the few measures that differ from image to image."""

    rng: np.random.Generator
    size: int
    x_HW: np.ndarray
    y_HW: np.ndarray
    lung_width: float
    lung_top: float
    diaphragm: float
    heart_width: float

    @classmethod
    def of(cls, rng: np.random.Generator, size: int) -> "_Drawing":
        """Return a drawing whose measures are drawn at random."""
        axis = np.linspace(-1, 1, size)
        tilt, shift = rng.normal(0, 0.02), rng.normal(0, 0.03)
        x_HW, y_HW = np.meshgrid(axis + shift, axis)
        x_HW, y_HW = x_HW + tilt * y_HW, y_HW - tilt * x_HW
        measures = rng.uniform([0.30, -0.80, 0.42, 0.25], [0.36, -0.70, 0.55, 0.33])
        return cls(rng, size, x_HW, y_HW, *(float(measure) for measure in measures))

    def inside(self, distance_HW: np.ndarray, softness: float) -> np.ndarray:
        """Return 1 where a signed distance is negative, 0 where positive, and a slope of `softness` between."""
        return 1 / (1 + np.exp(np.clip(distance_HW / softness, -30, 30)))

    def ellipse(self, x: float, y: float, width: float, height: float, softness: float = 0.03) -> np.ndarray:
        """Return a soft ellipse around (x, y) with these half axes."""
        radius_HW = np.hypot((self.x_HW - x) / width, (self.y_HW - y) / height)
        return self.inside((radius_HW - 1) * min(width, height), softness)

    def smooth_noise(self, grain_pixels: float) -> np.ndarray:
        """Return noise of standard deviation 1 without detail finer than the grain."""
        num_cells = max(round(self.size / (2 * grain_pixels)), 2)
        coarse = Image.fromarray(self.rng.standard_normal((num_cells, num_cells)).astype(np.float32))
        noise_HW = np.asarray(coarse.resize((self.size, self.size), Image.Resampling.BICUBIC), dtype=np.float64)
        return noise_HW / max(float(noise_HW.std()), 1e-9)


def _body(draw: _Drawing) -> np.ndarray:
    """Trunk, shoulders and neck on the black surroundings; thicker, so brighter, towards the belly."""
    slope_HW = np.maximum(np.abs(draw.x_HW) - 0.22, 0)
    shoulders_HW = draw.inside(-0.93 + 0.55 * slope_HW - draw.y_HW, 0.02)
    trunk_HW = draw.inside(np.abs(draw.x_HW) - 0.86 + 0.10 * np.maximum(draw.y_HW, -0.4), 0.02)
    neck_HW = draw.ellipse(0, -1, 0.20, 0.35)
    tissue_HW = 0.62 + 0.12 * draw.y_HW - 0.16 * draw.x_HW**2
    arms_HW = 0.6 * draw.inside(np.abs(draw.x_HW) - 1.05, 0.05) * draw.inside(np.abs(draw.y_HW) - 0.4, 0.05)
    outline_HW = np.maximum.reduce([trunk_HW, neck_HW, arms_HW])
    return 0.02 + tissue_HW * outline_HW * np.maximum(shoulders_HW, neck_HW)


def _lungs(draw: _Drawing) -> np.ndarray:
    """Two fields of air, narrow at the top, cut off below by the domes of the diaphragm."""
    fields = []
    for side, dome in ((-1, draw.diaphragm), (1, draw.diaphragm + 0.06)):
        across_HW = side * draw.x_HW
        middle = 0.13 + draw.lung_width
        height = dome - draw.lung_top
        down_HW = (draw.y_HW - draw.lung_top) / height
        half_width_HW = draw.lung_width * np.sqrt(np.clip(1 - (1 - np.clip(down_HW, 0, 1)) ** 2.4, 0, 1))
        field_HW = draw.inside(np.abs(across_HW - middle + 0.10 * (1 - down_HW)) - half_width_HW, 0.012)
        dome_HW = dome + 0.9 * (across_HW - middle + 0.06) ** 2
        fields.append(
            field_HW * draw.inside(draw.y_HW - dome_HW, 0.012) * draw.inside(draw.lung_top - draw.y_HW, 0.008)
        )
    return np.maximum(*fields)


def _ribs(draw: _Drawing) -> np.ndarray:
    """Curved bands that fall towards the sides (behind) and, fainter, towards the middle (in front)."""
    across_HW = np.abs(draw.x_HW)
    cage_HW = draw.inside(across_HW - 0.82, 0.02) * draw.inside(draw.y_HW - 0.75, 0.1)
    phase = draw.rng.uniform(0, 2 * np.pi)
    behind_HW = np.cos(2 * np.pi * (draw.y_HW - 0.55 * (across_HW - 0.25) ** 2 + 0.10 * across_HW) / 0.175 + phase)
    front_HW = np.cos(2 * np.pi * (draw.y_HW + 0.65 * across_HW**2 - 0.75 * across_HW) / 0.21 + phase)
    clavicle_HW = np.abs(draw.y_HW - draw.lung_top - 0.12 + 0.16 * across_HW + 0.03 * np.sin(6 * across_HW))
    clavicles_HW = draw.inside(clavicle_HW - 0.028, 0.008) * draw.inside(across_HW - 0.75, 0.03)
    bands_HW = draw.inside(-behind_HW + 0.45, 0.15) + 0.5 * draw.inside(-front_HW + 0.6, 0.2)
    return bands_HW * cage_HW * draw.inside(0.10 - across_HW, 0.03) + 1.5 * clavicles_HW


def _vessels(draw: _Drawing) -> np.ndarray:
    """Brighter, mottled roots of the lungs that fade outwards."""
    roots_HW = np.maximum(draw.ellipse(-0.27, -0.05, 0.22, 0.32, 0.08), draw.ellipse(0.27, -0.08, 0.22, 0.32, 0.08))
    return roots_HW * np.clip(0.7 + 0.5 * draw.smooth_noise(draw.size / 120), 0, 2)


def _middle(draw: _Drawing) -> np.ndarray:
    """Heart, great vessels and spine, with the windpipe as a dark band."""
    heart_HW = draw.ellipse(0.15, draw.diaphragm - 0.22, draw.heart_width + 0.10, 0.34, 0.02)
    vessels_HW = draw.ellipse(0.03, draw.diaphragm - 0.65, 0.17, 0.52, 0.025)
    vertebrae_HW = 0.06 * np.cos(2 * np.pi * draw.y_HW / 0.16) * draw.inside(np.abs(draw.x_HW) - 0.09, 0.01)
    windpipe_HW = draw.inside(np.abs(draw.x_HW) - 0.045, 0.012) * draw.inside(draw.y_HW + 0.25, 0.04)
    shadow_HW = np.maximum(heart_HW, vessels_HW)
    return shadow_HW * (0.74 + vertebrae_HW - 0.20 * windpipe_HW)


def _hazy(film_HW: np.ndarray, draw: _Drawing) -> np.ndarray:
    """Lay a mottled haze over part of one lung; it hides what lies behind without an edge of its own."""
    side = draw.rng.choice([-1, 1])
    x, y = side * draw.rng.uniform(0.36, 0.50), draw.rng.uniform(-0.25, 0.30)
    patch_HW = draw.ellipse(x, y, draw.rng.uniform(0.18, 0.28), draw.rng.uniform(0.18, 0.30), 0.06)
    haze_HW = np.clip(patch_HW * (0.75 + 0.18 * draw.smooth_noise(draw.size / 45)), 0, 1)
    return film_HW + (0.68 - film_HW) * haze_HW


def _blurred(picture_HW: np.ndarray, radius: float) -> np.ndarray:
    """Blur by way of 256 grey levels, which are all that Pillow blurs; enough for a drawing."""
    low, high = float(picture_HW.min()), float(picture_HW.max())
    scaled_HW = (picture_HW - low) * (255 / max(high - low, 1e-9))
    image = Image.fromarray(np.round(scaled_HW).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, dtype=np.float64) * (max(high - low, 1e-9) / 255) + low
