"""The PDF page of one batch: counts, the spread of the results, the most urgent films, model, limits, notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fpdf.enums import XPos, YPos

from core.figures.report_paper import BAND_COLOURS, FAINT, HAIRLINE, INK, MARGIN, WIDTH, Paper
from core.triage.priority import in_words

NUM_BINS = 20
HISTOGRAM_HEIGHT = 24
MOST_ROWS = 22
COLUMNS = (("Band", 19), ("Prob.", 20), ("File", 62), ("Why", 81))


@dataclass(frozen=True)
class BatchReport:
    """All that stands on a batch's page; `rows` are (band, probability, file, reason), most urgent first."""

    title: str
    counts: dict[str, int]
    rows: Sequence[tuple[str, float | None, str, str]]
    threshold: float
    uncertain_low: float
    uncertain_high: float
    lineage: dict[str, str]
    limits: tuple[str, ...]
    notice: str
    made_at: datetime


def draw_batch_page(report: BatchReport) -> bytes:
    """Return the page as PDF."""
    paper = Paper("triage of a batch", report.notice, f"{report.made_at:%Y-%m-%d %H:%M} UTC")
    paper.write_line(report.title, size=14, bold=True)
    paper.ln(2)
    _tiles(paper, report.counts)
    _histogram(paper, report)
    limits = [f"– {limit}" for limit in report.limits]
    # The foot of the page is kept free for what every list of results owes its reader.
    kept = 14 + 4.4 * len(report.lineage) + (10 + 9 * len(limits) if limits else 0)
    paper.write_heading("Most urgent first")
    num_fitting = min(max(int((paper.room - kept - 16) / 5), 1), MOST_ROWS)
    num_shown = paper.write_table(COLUMNS, [_cells(row) for row in report.rows[:num_fitting]])
    left = sum(report.counts.values()) - num_shown
    if left > 0:
        paper.write_line(f"and {left:,} more: the whole list is in the CSV and JSON exports.", size=8, colour=FAINT)
    paper.write_heading("What this rests on")
    paper.write_pairs(list(report.lineage.items()))
    if limits:
        paper.write_heading("Limits of the model")
        for limit in limits:
            if paper.room > 6:
                paper.write_text(limit, size=8)
    return bytes(paper.output())


def _cells(row: tuple[str, float | None, str, str]) -> tuple[str, str, str, str]:
    band, probability, file, reason = row
    return band, "–" if probability is None else in_words(probability), file, reason


def _tiles(paper: Paper, counts: dict[str, int]) -> None:
    gap = 3
    width, top = (WIDTH - gap * (len(counts) - 1)) / len(counts), paper.get_y()
    for number, (band, count) in enumerate(counts.items()):
        left = MARGIN + number * (width + gap)
        paper.set_draw_color(*BAND_COLOURS[band])
        paper.set_line_width(0.5)
        paper.rect(left, top, width, 15)
        paper.set_xy(left, top + 2)
        paper.set_style(15, bold=True)
        paper.cell(width, 6.5, f"{count:,}", align="C", new_x=XPos.LEFT, new_y=YPos.NEXT)
        paper.set_style(8, colour=FAINT)
        paper.cell(width, 4.5, band, align="C")
    paper.set_line_width(HAIRLINE)
    paper.set_xy(MARGIN, top + 17)


def _histogram(paper: Paper, report: BatchReport) -> None:
    """Draw how many films have which probability over the same scale as on a study's page."""
    found = [probability for _, probability, _, _ in report.rows if probability is not None]
    if not found:
        return
    bins = [0] * NUM_BINS
    for probability in found:
        bins[min(int(probability * NUM_BINS), NUM_BINS - 1)] += 1
    paper.write_heading("Films by calibrated probability of pneumonia")
    left, width, base = MARGIN + 2, WIDTH - 4, paper.get_y() + HISTOGRAM_HEIGHT
    paper.set_fill_color(250, 238, 214)
    low, high = report.uncertain_low, report.uncertain_high
    paper.rect(left + low * width, base - HISTOGRAM_HEIGHT, max((high - low) * width, 0.3), HISTOGRAM_HEIGHT, style="F")
    paper.set_fill_color(96, 125, 160)
    paper.set_style(6.5, colour=FAINT)
    step = width / NUM_BINS
    for number, count in enumerate(bins):
        height = (HISTOGRAM_HEIGHT - 4) * count / max(bins)
        if count:
            paper.rect(left + number * step + 0.4, base - height, step - 0.8, height, style="F")
            words = f"{count:,}"
            paper.text(left + (number + 0.5) * step - paper.get_string_width(words) / 2, base - height - 0.8, words)
    paper.set_draw_color(*INK)
    paper.line(left, base, left + width, base)
    paper.line(left + report.threshold * width, base - HISTOGRAM_HEIGHT, left + report.threshold * width, base)
    paper.text(left, base + 3.2, "0")
    paper.text(left + width - 1.5, base + 3.2, "1")
    words = f"threshold {report.threshold:.2f}, uncertain {low:.2f} to {high:.2f}"
    place = left + report.threshold * width - paper.get_string_width(words) / 2
    paper.text(min(max(place, left + 4), left + width - paper.get_string_width(words) - 4), base + 3.2, words)
    paper.set_y(base + 4)
