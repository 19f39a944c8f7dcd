"""The PDF of one study: image, AI heatmap, result, provenance, limits, notice."""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from PIL import Image

from core.figures.report_paper import FAINT, MARGIN, WIDTH, Paper
from core.language import mark, tr
from core.result_words import AI_RESULTS, FINDINGS, order_in_words, score_in_words
from core.triage.ai_result import AIResult

GAP = 4
PICTURE_HEIGHT = 92
HEATMAP_WORDS = mark("AI heatmap: it shows what influenced the AI score; it does not outline disease.")


@dataclass(frozen=True)
class ReportedVerdict:
    """What a reader said of the study."""

    reader: str
    verdict: str
    note: str
    when: datetime

    @property
    def sentence(self) -> str:
        """Finding, reader, time and the whole note."""
        values = {"finding": FINDINGS[self.verdict], "reader": self.reader, "when": self.when}
        if self.note:
            return tr("{finding} – {reader}, {when:%Y-%m-%d %H:%M} UTC: {note}", note=self.note, **values)
        return tr("{finding} – {reader}, {when:%Y-%m-%d %H:%M} UTC", **values)


@dataclass(frozen=True)
class StudyReport:
    """All that a study's pages show; the AI score and the points on its scale are 0 to 1."""

    file: str
    ai_result: AIResult
    band: str
    is_lifted: bool
    reason: str
    probability: float | None
    threshold: float
    uncertain_low: float
    uncertain_high: float
    warnings: tuple[str, ...]
    lineage: dict[str, str]
    limits: tuple[str, ...]
    notice: str
    made_at: datetime
    verdicts: tuple[ReportedVerdict, ...] = ()
    film: Image.Image | None = None
    overlay: Image.Image | None = None


def draw_study_page(report: StudyReport) -> bytes:
    """Return the pages as PDF."""
    paper = Paper(tr("AI result of one study"), report.notice, report.made_at)
    paper.write_text(report.file, size=14, bold=True)
    paper.ln(1)
    paper.write_badge(AI_RESULTS[report.ai_result], report.ai_result)
    paper.set_x(paper.get_x() + 4)
    paper.set_style(9.5, colour=FAINT)
    paper.cell(0, 6.4, " · ".join(_beside_badge(report)))
    paper.ln(8)
    _pictures(paper, report)
    if report.probability is not None:
        paper.draw_scale(report.probability, report.threshold, report.uncertain_low, report.uncertain_high)
    paper.write_text(f"{report.reason[:1].upper()}{report.reason[1:]}.")
    for warning in report.warnings:
        paper.ln(0.8)
        paper.write_text(tr("Caution: {warning}", warning=warning), size=8.5)
    _verdicts(paper, report)
    paper.write_provenance(report.lineage, report.limits)
    return bytes(paper.output())


def _beside_badge(report: StudyReport) -> list[str]:
    order = order_in_words(report.band, report.is_lifted)
    if report.probability is None:
        return [order]
    score = score_in_words(report.probability, report.uncertain_low, report.uncertain_high)
    return [tr("AI score {score}", score=score), order]


def _pictures(paper: Paper, report: StudyReport) -> None:
    if report.film is None:
        paper.write_text(tr("The image cannot be shown."), colour=FAINT)
        paper.ln(2)
        return
    pictures = [report.film] + ([report.overlay] if report.overlay else [])
    room, top, tallest = (WIDTH - GAP) / 2, paper.get_y(), 0.0
    for number, picture in enumerate(pictures):
        scale = min(room / picture.width, PICTURE_HEIGHT / picture.height)
        width, height = picture.width * scale, picture.height * scale
        paper.image(_as_jpeg(picture), MARGIN + number * (room + GAP), top, width, height)
        tallest = max(tallest, height)
    paper.set_y(top + tallest + 1.2)
    paper.write_text(tr(HEATMAP_WORDS) if report.overlay else tr("The image."), size=7.5, colour=FAINT)


def _as_jpeg(picture: Image.Image) -> BytesIO:
    """Return a picture as it is put into the file; losslessly it would take ten times the room and the time."""
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=92)
    return stream


def _verdicts(paper: Paper, report: StudyReport) -> None:
    paper.write_heading(tr("Readers' findings"))
    if not report.verdicts:
        paper.write_text(tr("No reader has given a finding yet."), size=8.5, colour=FAINT)
    for verdict in report.verdicts:
        paper.write_text(verdict.sentence, size=8.5)
