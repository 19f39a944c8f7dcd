"""Images as they may come from elsewhere: under a shutter, out of a viewer's window, cut in half, mirrored.

Shapes: H and W pixels of the image as decoded, 8-bit grey; h and w of a window's inside.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Alter = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SCREENS = ((1280, 800), (1440, 900), (1366, 768))
"""Width and height of the screens whose picture is taken, in pixels."""
BLACK, WHITE = 0, 255
INK = 210
SYLLABLES = ("ra", "no", "ti", "sel", "mar", "ko", "vi", "den", "lu", "pa")


def cover_border(film_HW: np.ndarray, _: np.random.Generator, share: float, grey: int) -> np.ndarray:
    """Return the image with this share of its height and width covered at each border, as a shutter does."""
    result_HW = np.full_like(film_HW, grey)
    rows, columns = (round(share * side) for side in film_HW.shape)
    inner = slice(rows, film_HW.shape[0] - rows), slice(columns, film_HW.shape[1] - columns)
    result_HW[inner] = film_HW[inner]
    return result_HW


def lay_on_page(film_HW: np.ndarray, _: np.random.Generator, share: float, grey: int) -> np.ndarray:
    """Return the whole image on a page that shows at each border, by this share of the page's sides."""
    height, width = (round(side / (1 - 2 * share)) for side in film_HW.shape)
    page_HW = np.full((height, width), grey, dtype=np.uint8)
    top, left = (height - film_HW.shape[0]) // 2, (width - film_HW.shape[1]) // 2
    page_HW[top : top + film_HW.shape[0], left : left + film_HW.shape[1]] = film_HW
    return page_HW


def half(film_HW: np.ndarray, _: np.random.Generator, is_left: bool) -> np.ndarray:
    """Return the half of the image that lies on this side of the picture."""
    middle = film_HW.shape[1] // 2
    return film_HW[:, :middle] if is_left else film_HW[:, middle:]


def mirror(film_HW: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return the image with left for right."""
    return film_HW[:, ::-1]


def show_in_viewer(
    film_HW: np.ndarray, generator: np.random.Generator, windows: tuple[int, int], frame: int
) -> np.ndarray:
    """Return the picture of a screen on which a viewer shows the image.

    The viewer has so many rows and columns of windows, a frame of this grey, a tool bar, and a list at its side as
    often as not; writing lies in the corners of every window. In each window the image has another contrast.
    """
    width, height = SCREENS[int(generator.integers(len(SCREENS)))]
    screen = Image.new("L", (width, height), frame)
    pen = ImageDraw.Draw(screen)
    top, left = _draw_tools(pen, generator, width, height, frame)
    rows, columns = windows
    gap = int(generator.integers(2, 8))
    h, w = (height - top - gap) // rows - gap, (width - left - gap) // columns - gap
    for row in range(rows):
        for column in range(columns):
            window = _window(film_HW, generator, h, w)
            screen.paste(window, (left + gap + column * (w + gap), top + gap + row * (h + gap)))
    return np.asarray(screen)


def _draw_tools(
    pen: ImageDraw.ImageDraw, generator: np.random.Generator, width: int, height: int, frame: int
) -> tuple[int, int]:
    """Draw bar and list; returns where the windows begin, as top and left."""
    bar = int(generator.integers(28, 72))
    shade = frame + 25 if frame < WHITE // 2 else frame - 25
    ink = INK if frame < WHITE // 2 else 40
    pen.rectangle([0, 0, width, bar], fill=shade)
    for place in range(8, width * 2 // 3, bar):
        pen.rectangle([place, 6, place + bar - 14, bar - 8], outline=ink)
        pen.line([place + 4, bar - 12, place + bar - 18, 10], fill=ink, width=2)
    pen.text((width - 250, bar // 3), _words(generator, 3), fill=ink, font=_font(14))
    if generator.random() < 0.5:
        return bar, 0
    side = int(generator.integers(140, 260))
    pen.rectangle([0, bar, side, height], fill=shade)
    for top in range(bar + 10, height - 20, 22):
        pen.text((8, top), _words(generator, 2), fill=ink, font=_font(13))
    return bar, side


def _window(film_HW: np.ndarray, generator: np.random.Generator, h: int, w: int) -> Image.Image:
    window = Image.new("L", (w, h), BLACK)
    gamma = generator.uniform(0.8, 1.25)
    film = Image.fromarray(film_HW).point([round(255 * (grey / 255) ** gamma) for grey in range(256)])
    scale = min(h / film.height, w / film.width)
    film = film.resize((max(round(film.width * scale), 1), max(round(film.height * scale), 1)))
    window.paste(film, ((w - film.width) // 2, (h - film.height) // 2))
    pen = ImageDraw.Draw(window)
    for corner, (left, top) in enumerate(((6, 6), (w - 150, 6), (6, h - 66), (w - 150, h - 66))):
        for line in range(2 + corner % 2):
            pen.text((left, top + 19 * line), _words(generator, 2), fill=INK, font=_font(14))
    return window


def _words(generator: np.random.Generator, count: int) -> str:
    chosen = generator.integers(0, len(SYLLABLES), (count, 3))
    return " ".join("".join(SYLLABLES[place] for place in word).capitalize() for word in chosen)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


SHUTTER_SHARES = (0.05, 0.1, 0.13, 0.2)
MIRRORED = "mirrored"
SHUTTERED: dict[str, Alter] = {
    **{f"black shutter, {share:.0%}": partial(cover_border, share=share, grey=BLACK) for share in SHUTTER_SHARES},
    "white shutter, 10%": partial(cover_border, share=0.1, grey=WHITE),
    "grey shutter, 10%": partial(cover_border, share=0.1, grey=60),
    "on a black page, 10%": partial(lay_on_page, share=0.1, grey=BLACK),
    "on a white page, 10%": partial(lay_on_page, share=0.1, grey=WHITE),
}
"""Images that are to be read as they are without what surrounds them."""
CUT_OR_MIRRORED: dict[str, Alter] = {
    "left half": partial(half, is_left=True),
    "right half": partial(half, is_left=False),
    MIRRORED: mirror,
}
IN_A_VIEWER: dict[str, Alter] = {
    "viewer, black frame": partial(show_in_viewer, windows=(1, 1), frame=BLACK),
    "viewer, grey frame": partial(show_in_viewer, windows=(1, 1), frame=56),
    "viewer, light frame": partial(show_in_viewer, windows=(1, 1), frame=236),
    "viewer, two windows": partial(show_in_viewer, windows=(1, 2), frame=30),
    "viewer, four windows": partial(show_in_viewer, windows=(2, 2), frame=30),
}
ALTERED: dict[str, Alter] = {**SHUTTERED, **CUT_OR_MIRRORED, **IN_A_VIEWER}
