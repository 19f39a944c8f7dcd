"""The paper of the PDF reports: one A4 page with heading, notice, text, tables and scales; lengths in millimetres."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TextMode, XPos, YPos

MARGIN = 14
WIDTH = 210 - 2 * MARGIN
FOOT = 26
FONT = "DejaVu"
BOLDNESS, HAIRLINE = 0.022, 0.2
INK, FAINT, RULE = (25, 28, 33), (105, 112, 122), (208, 212, 218)
BAND_COLOURS = {
    "urgent": (190, 40, 40),
    "review": (186, 106, 0),
    "routine": (38, 96, 170),
    "rejected": (105, 112, 122),
    "failed": (105, 112, 122),
}

# Letters that the font lacks are drawn as boxes; the library would name each of them in the log.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)


class Paper(FPDF):
    """One page that never becomes two: what does not fit is cut off and said to be."""

    def __init__(self, heading: str, notice: str, made_at: str) -> None:
        super().__init__(format="A4")
        self._notice = notice
        self._made_at = made_at
        fonts = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "fonts" / "ttf"
        self.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(False)
        self.set_title(heading)
        self.set_creator("PneumoDesk")
        self.add_page()
        self.write_line(f"PneumoDesk · {heading}", size=8.5, colour=FAINT)
        self.ln(1)

    @property
    def room(self) -> float:
        """Millimetres left above the notice."""
        return self.h - FOOT - self.get_y()

    def footer(self) -> None:
        """Put the notice below every page, and when it was made."""
        self.set_y(-FOOT + 3)
        self.set_draw_color(*RULE)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())
        self.ln(2)
        self.write_text(self._notice, size=8, bold=True)
        self.write_line(f"Made by PneumoDesk at {self._made_at}.", size=7.5, colour=FAINT)

    def write_line(
        self, text: str, *, size: float = 9, bold: bool = False, colour: tuple[int, int, int] = INK, width: float = 0
    ) -> None:
        """Write one line, shortened to the width it has."""
        self.set_style(size, bold, colour)
        fitting = self.shortened(text, width or WIDTH)
        self.cell(width, size * 0.55, fitting, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def write_text(self, text: str, *, size: float = 9, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
        """Write a paragraph over the whole width, without what has no room any more."""
        self.set_style(size, bold, colour)
        height = size * 0.48
        lines = self.multi_cell(WIDTH, height, _clean(text), dry_run=True, output="LINES", align="L")
        fitting = lines[: max(int((self.h - 4 - self.get_y()) / height), 0)]
        for line in fitting:
            self.cell(WIDTH, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def write_heading(self, text: str) -> None:
        """Write the heading of a part."""
        self.ln(2.5)
        self.write_line(text, size=10, bold=True)
        self.ln(0.5)

    def write_badge(self, text: str, band: str) -> None:
        """Write words on a band's colour."""
        self.set_style(9.5, True, (255, 255, 255))
        self.set_fill_color(*BAND_COLOURS.get(band, FAINT))
        self.cell(self.get_string_width(text) + 7, 6.4, text, fill=True, align="C", new_x=XPos.RIGHT, new_y=YPos.TOP)

    def write_pairs(self, pairs: Sequence[tuple[str, str]], first_width: float = 34) -> None:
        """Write names and what they are, a line each."""
        for name, value in pairs:
            if self.room < 5:
                break
            self.set_style(8, False, FAINT)
            self.cell(first_width, 4.4, self.shortened(name, first_width))
            self.set_style(8, False, INK)
            self.cell(WIDTH - first_width, 4.4, self.shortened(value, WIDTH - first_width), new_x=XPos.LMARGIN)
            self.ln(4.4)

    def write_table(self, columns: Sequence[tuple[str, float]], rows: Sequence[Sequence[str]]) -> int:
        """Write a table with columns of these names and widths; return how many rows found room."""
        self.set_style(8, False, FAINT)
        for name, width in columns:
            self.cell(width, 5, name)
        self.ln(5)
        self.set_draw_color(*RULE)
        num_written = 0
        for row in rows:
            if self.room < 10:
                break
            self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())
            self.set_style(8, False, INK)
            for (_, width), value in zip(columns, row, strict=True):
                self.cell(width, 5, self.shortened(value, width))
            self.ln(5)
            num_written += 1
        return num_written

    def draw_scale(self, probability: float, threshold: float, low: float, high: float) -> None:
        """Draw the line from 0 to 1 with the uncertain band, the threshold and this probability."""
        left, width, top = MARGIN + 2, WIDTH - 4, self.get_y() + 5.5
        self.set_fill_color(232, 235, 239)
        self.rect(left, top, width, 3.2, style="F")
        self.set_fill_color(240, 204, 140)
        self.rect(left + low * width, top, max((high - low) * width, 0.3), 3.2, style="F")
        self.set_draw_color(*INK)
        self.set_line_width(0.35)
        self.line(left + threshold * width, top - 1, left + threshold * width, top + 4.2)
        place = left + probability * width
        self.set_fill_color(*INK)
        self.polygon([(place, top - 0.2), (place - 1.6, top - 3.2), (place + 1.6, top - 3.2)], style="F")
        self.set_line_width(HAIRLINE)
        self.set_style(7, False, FAINT)
        self.text(left, top + 7, "0")
        self.text(left + width - 1.5, top + 7, "1")
        words = f"threshold {threshold:.2f}, uncertain {low:.2f} to {high:.2f}"
        middle = left + threshold * width - self.get_string_width(words) / 2
        self.text(min(max(middle, left + 4), left + width - self.get_string_width(words) - 4), top + 7, words)
        self.set_y(top + 9)

    def shortened(self, text: str, width: float) -> str:
        """Return text as far as it fits into a width, in the present style."""
        text = _clean(text)
        if self.get_string_width(text) <= width - 2:
            return text
        while text and self.get_string_width(f"{text}…") > width - 2:
            text = text[: min(len(text) - 1, int(len(text) * 0.97))]
        return f"{text}…"

    def set_style(self, size: float, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
        """Choose how the following text looks."""
        self.set_font(FONT, "", size)
        self.set_text_color(*colour)
        # Bold letters are drawn with an outline: reading a second font in would cost half as much as all the page.
        self.text_mode = TextMode.FILL_STROKE if bold else TextMode.FILL
        self.set_draw_color(*(colour if bold else RULE))
        self.set_line_width(size * BOLDNESS if bold else HAIRLINE)


def _clean(text: str) -> str:
    """Return text as one line; what cannot be printed, such as a switch of writing direction, becomes a mark."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)
