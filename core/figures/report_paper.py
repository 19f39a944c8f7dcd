"""The paper of the PDF reports: A4 pages with heading, notice, text, tables and scales; lengths in millimetres."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

from fpdf import FPDF
from fpdf.enums import TextMode, XPos, YPos

from core.language import tr
from core.result_words import range_in_words
from core.triage.ai_result import AIResult

MARGIN = 14
WIDTH = 210 - 2 * MARGIN
FOOT = 26
FONT_FILE = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
FONT = FONT_FILE.stem
BOLDNESS, HAIRLINE = 0.022, 0.2
LINE, ROW = 0.48, 4.2
"""Height of a line of text for each point of its size, and of a line in a table."""
INK, FAINT, RULE = (25, 28, 33), (85, 92, 102), (208, 212, 218)
RESULT_COLOURS = {
    AIResult.FLAGGED: (190, 40, 40),
    AIResult.INDETERMINATE: (160, 88, 0),
    AIResult.NO_FLAG: (38, 96, 170),
    AIResult.UNSUITABLE: (85, 92, 102),
    AIResult.FILE_ERROR: (85, 92, 102),
}

# Letters that the font lacks are drawn as boxes; the library would name each of them in the log.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)


class Paper(FPDF):
    """As many pages as it takes: text is wrapped, and what finds no room on a page continues on the next."""

    def __init__(self, heading: str, notice: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self._heading, self._notice, self._made_at = heading, notice, made_at
        self.add_font(FONT, "", FONT_FILE)
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(False)
        self.set_title(heading)
        self.set_creator("PneumoDesk")
        self.add_page()

    @property
    def room(self) -> float:
        """Millimetres left above the notice."""
        return self.h - FOOT - self.get_y()

    def header(self) -> None:
        """Say at the top of every page what it is, and from the second on which."""
        self.set_style(8.5, colour=FAINT)
        heading = (
            tr("PneumoDesk · {heading}, page {page}", heading=self._heading, page=self.page_no())
            if self.page_no() > 1
            else tr("PneumoDesk · {heading}", heading=self._heading)
        )
        self._write_one(heading, 8.5 * LINE)
        self.ln(1.5)

    def footer(self) -> None:
        """Put the notice below every page, and when it was made."""
        self.set_y(-FOOT + 3)
        self.set_draw_color(*RULE)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())
        self.ln(2)
        with self.bold(8):
            for line in self.lines_of(self._notice, WIDTH):
                self._write_one(line, 8 * LINE)
        self.set_style(7.5, colour=FAINT)
        made = tr("Made by PneumoDesk on {made_at:%Y-%m-%d at %H:%M} UTC.", made_at=self._made_at)
        self._write_one(made, 7.5 * LINE)

    def turn_if_short_of(self, height: float) -> bool:
        """Begin a new page unless this one has so much room, and return whether it did."""
        if self.room >= height:
            return False
        self.add_page()
        return True

    def write_text(self, text: str, *, size: float = 9, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
        """Write a paragraph over the whole width, over as many pages as it takes."""
        self.set_style(size, colour=colour)
        for line in self.lines_of(text, WIDTH):
            self.turn_if_short_of(size * LINE)
            if bold:
                with self.bold(size, colour):
                    self._write_one(line, size * LINE)
            else:
                self.set_style(size, colour=colour)
                self._write_one(line, size * LINE)

    def write_heading(self, text: str) -> None:
        """Write the heading of a part, on the page that its first lines stand on."""
        self.turn_if_short_of(16)
        self.ln(2.5)
        self.write_text(text, size=10, bold=True)
        self.ln(0.8)

    def write_badge(self, text: str, result: AIResult) -> None:
        """Write words on an AI result's colour."""
        self.set_style(9.5)
        width = self.get_string_width(text) + 7
        self.set_fill_color(*RESULT_COLOURS[result])
        self.rect(self.get_x(), self.get_y(), width, 6.4, style="F")
        with self.bold(9.5, (255, 255, 255)):
            self.cell(width, 6.4, text, align="C", new_x=XPos.RIGHT, new_y=YPos.TOP)

    def write_pairs(self, pairs: Sequence[tuple[str, str]], first_width: float = 34) -> None:
        """Write names and what they are, each wrapped within its column."""
        for name, value in pairs:
            self.write_row(((name, first_width, FAINT), (value, WIDTH - first_width, INK)))

    def write_provenance(self, lineage: Mapping[str, str], limits: Sequence[str]) -> None:
        """Write what a report rests on, and the limits of its model where there are any."""
        self.write_heading(tr("Provenance"))
        self.write_pairs(list(lineage.items()))
        if limits:
            self.write_heading(tr("Limits of the model"))
        for limit in limits:
            self.write_text(f"– {limit}", size=8)

    def write_columns(self, columns: Sequence[tuple[str, float]]) -> None:
        """Write the names of columns, which are messages, of these widths."""
        self.write_row([(tr(name), width, FAINT) for name, width in columns])

    def write_row(self, cells: Sequence[tuple[str, float, tuple[int, int, int]]]) -> None:
        """Write cells of a text, a width and a colour beside one another, each wrapped within its width."""
        self.set_style(8)
        columns = [(self.lines_of(text, width - 2), width, colour) for text, width, colour in cells]
        for number in range(max(len(lines) for lines, _, _ in columns)):
            self.turn_if_short_of(ROW)
            for lines, width, colour in columns:
                self.set_style(8, colour=colour)
                self.cell(width, ROW, lines[number] if number < len(lines) else "")
            self.ln(ROW)

    def draw_rule(self) -> None:
        """Draw a fine line over the whole width."""
        self.set_draw_color(*RULE)
        self.set_line_width(HAIRLINE)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())

    def draw_scale(self, score: float, threshold: float, low: float, high: float) -> None:
        """Draw the line from 0 to 1 with the indeterminate range, the threshold and this AI score."""
        left, width, top = MARGIN + 2, WIDTH - 4, self.get_y() + 5.5
        self.set_fill_color(232, 235, 239)
        self.rect(left, top, width, 3.2, style="F")
        self.set_fill_color(240, 204, 140)
        self.rect(left + low * width, top, max((high - low) * width, 0.3), 3.2, style="F")
        self.set_draw_color(*INK)
        self.set_line_width(0.35)
        self.line(left + threshold * width, top - 1, left + threshold * width, top + 4.2)
        place = left + score * width
        self.set_fill_color(*INK)
        self.polygon([(place, top - 0.2), (place - 1.6, top - 3.2), (place + 1.6, top - 3.2)], style="F")
        self.set_line_width(HAIRLINE)
        self.write_scale_words(left, top + 7, width, (threshold, low, high))
        self.set_y(top + 9)

    def write_scale_words(self, left: float, base: float, width: float, marks: tuple[float, float, float]) -> None:
        """Write below a scale from 0 to 1 its marks: threshold, lower and upper end of the indeterminate range."""
        threshold, low, high = marks
        self.set_style(7, colour=FAINT)
        self.text(left, base, "0")
        self.text(left + width - 1.5, base, "1")
        words = tr(
            "threshold {threshold:.2f}, indeterminate {indeterminate_range}",
            threshold=threshold,
            indeterminate_range=range_in_words(low, high),
        )
        middle = left + threshold * width - self.get_string_width(words) / 2
        self.text(min(max(middle, left + 4), left + width - self.get_string_width(words) - 4), base, words)

    def lines_of(self, text: str, width: float) -> list[str]:
        """Return text in the lines that it takes within a width, in the present style."""
        text = _clean(text)
        if self.get_string_width(text) <= width - 2:
            return [text]
        return cast("list[str]", self.multi_cell(width, 4, text, dry_run=True, output="LINES", align="L"))

    def set_style(self, size: float, *, colour: tuple[int, int, int] = INK) -> None:
        """Choose how the following text looks."""
        self.set_font(FONT, "", size)
        self.set_text_color(*colour)

    @contextmanager
    def bold(self, size: float, colour: tuple[int, int, int] = INK) -> Iterator[None]:
        """Write bold, and only as long as this lasts: the page would continue outlining letters, in any colour.

        Letters are drawn with an outline: reading a second font in would cost half as much as all the page.
        """
        self.set_style(size, colour=colour)
        self.set_draw_color(*colour)
        with self.local_context(text_mode=TextMode.FILL_STROKE, line_width=size * BOLDNESS):
            yield

    def _write_one(self, line: str, height: float) -> None:
        self.cell(WIDTH, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _clean(text: str) -> str:
    """Return text as one line; what cannot be printed, such as a switch of writing direction, becomes a mark."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)
