"""The PDF of one batch: counts, the spread of the results, every file in its order, model, limits, notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fpdf.enums import XPos, YPos

from core.figures.report_paper import FAINT, HAIRLINE, INK, MARGIN, RESULT_COLOURS, ROW, WIDTH, Paper
from core.figures.study_page import ReportedVerdict
from core.language import mark, tr
from core.result_words import AI_RESULTS, AI_RESULTS_SHORT, order_in_words, score_in_words
from core.triage.ai_result import AIResult

NUM_BINS = 20
HISTOGRAM_HEIGHT = 24
COLUMNS = (
    (mark("Order"), 24),
    (mark("AI result"), 34),
    (mark("AI score"), 20),
    (mark("File"), 56),
    (mark("Remark"), 48),
)


@dataclass(frozen=True)
class BatchRow:
    """One file on the list: its place in the reading order, what was found, and what readers said of it."""

    band: str
    is_lifted: bool
    ai_result: AIResult
    probability: float | None
    file: str
    remark: str
    verdicts: tuple[ReportedVerdict, ...] = ()


@dataclass(frozen=True)
class BatchReport:
    """All that a batch's pages show; `counts` are of studies, `rows` in reading order."""

    title: str
    counts: dict[AIResult, int]
    rows: Sequence[BatchRow]
    threshold: float
    uncertain_low: float
    uncertain_high: float
    lineage: dict[str, str]
    limits: tuple[str, ...]
    notice: str
    made_at: datetime


def draw_batch_page(report: BatchReport) -> bytes:
    """Return the pages as PDF."""
    paper = Paper(tr("Triage of a batch"), report.notice, report.made_at)
    paper.write_text(report.title, size=14, bold=True)
    paper.ln(2)
    _tiles(paper, report.counts)
    _histogram(paper, report)
    paper.write_heading(tr("In reading order"))
    paper.write_columns(COLUMNS)
    for row in report.rows:
        _row(paper, row, (report.uncertain_low, report.uncertain_high))
    paper.write_provenance(report.lineage, report.limits)
    return bytes(paper.output())


def _row(paper: Paper, row: BatchRow, limits: tuple[float, float]) -> None:
    if paper.turn_if_short_of(2 * ROW):
        paper.write_columns(COLUMNS)
    paper.draw_rule()
    score = "–" if row.probability is None else score_in_words(row.probability, *limits)
    cells = (order_in_words(row.band, row.is_lifted), AI_RESULTS[row.ai_result], score, row.file, row.remark)
    paper.write_row([(cell, width, INK) for cell, (_, width) in zip(cells, COLUMNS, strict=True)])
    for verdict in row.verdicts:
        paper.write_text(verdict.sentence, size=7.5)


def _tiles(paper: Paper, counts: dict[AIResult, int]) -> None:
    gap = 3
    width, top = (WIDTH - gap * (len(counts) - 1)) / len(counts), paper.get_y()
    for number, (result, count) in enumerate(counts.items()):
        left = MARGIN + number * (width + gap)
        paper.set_draw_color(*RESULT_COLOURS[result])
        paper.set_line_width(0.5)
        paper.rect(left, top, width, 15)
        paper.set_xy(left, top + 2)
        with paper.bold(15):
            paper.cell(width, 6.5, f"{count:,}", align="C", new_x=XPos.LEFT, new_y=YPos.NEXT)
        paper.set_xy(left, top + 2 + 6.5)
        paper.set_style(8, colour=FAINT)
        paper.cell(width, 4.5, AI_RESULTS_SHORT[result], align="C")
    paper.set_line_width(HAIRLINE)
    paper.set_xy(MARGIN, top + 17)


def _histogram(paper: Paper, report: BatchReport) -> None:
    """Draw how many images have which AI score over the same scale as on a study's page."""
    found = [row.probability for row in report.rows if row.probability is not None]
    if not found:
        return
    bins = [0] * NUM_BINS
    for probability in found:
        bins[min(int(probability * NUM_BINS), NUM_BINS - 1)] += 1
    paper.write_heading(tr("Files by AI score"))
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
    paper.write_scale_words(left, base + 3.2, width, (report.threshold, low, high))
    paper.set_y(base + 4)
