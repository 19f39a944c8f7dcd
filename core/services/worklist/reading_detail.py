"""One reading with everything it rests on, for the reading pane."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.evaluation.metrics import EvaluationReport
from core.evaluation.predictive_values import MeasuredRates, predictive_values
from core.evaluation.proportions import say_share
from core.language import mark, tr
from core.reasons import read_aloud, read_remarks
from core.result_words import range_in_words, score_in_words
from core.services.desk import Desk
from core.services.desk.program_words import Say, in_english
from core.services.triage.kept import kept_reading
from core.services.worklist.same_images import find_same_images
from core.triage.ai_result import AIResult, ai_result
from core.triage.heatmap import Heatmap
from core.triage.saliency import EDGE_SHARE_LIMIT, edge_share
from db import models as tables

PPV_WORDS = mark(
    "PPV {share} (95 % CI {low} to {high}) for AI scores from the threshold {threshold}, at {prevalence} prevalence, "
    "measured on {num_images:,} images of the training dataset."
)
NPV_WORDS = mark(
    "NPV {share} (95 % CI {low} to {high}) for AI scores below the threshold {threshold}, at {prevalence} prevalence, "
    "measured on {num_images:,} images of the training dataset."
)


def study_of(desk: Desk, reading_id: int) -> str:
    """Return the study that a reading belongs to; raises InputNotFoundError."""
    with desk.reading() as session:
        return kept_reading(session, reading_id).study


@dataclass(frozen=True)
class ReadingDetail:
    """A reading, its image's place, its heatmap in the desk's home, and its lineage for programs and for people."""

    id: int
    batch_id: str
    file: str
    status: str
    ai_result: AIResult
    reason: str
    remark: str
    finding: str | None
    probability: float | None
    gate_distance: float | None
    source_path: str | None
    source_member: str | None
    heatmap: Heatmap | None
    heatmap_file: Path | None
    edge_warning: str | None
    threshold: float
    uncertain_low: float
    uncertain_high: float
    tested: MeasuredRates | None
    same_image_as: str
    lineage: dict[str, str]
    lineage_in_words: dict[str, str]


def get_reading(desk: Desk, reading_id: int) -> ReadingDetail:
    """Return a reading; its heatmap is drawn at the first visit. Raises InputNotFoundError."""
    same = find_same_images(desk, select(tables.Reading.study).where(tables.Reading.id == reading_id))
    with desk.reading() as session:
        reading = kept_reading(session, reading_id)
        batch, model, point = reading.batch, reading.batch.model_version, reading.batch.operating_point
        heatmap = Heatmap.kept(reading.activation_map)
        if heatmap is not None and heatmap.is_empty:
            heatmap = None
        return ReadingDetail(
            id=reading.id,
            batch_id=batch.id,
            file=reading.file,
            status=reading.status,
            ai_result=ai_result(reading.status, reading.finding),
            reason=read_aloud(reading.reasons, reading.reason),
            remark=read_remarks(reading.reasons, reading.reason),
            finding=reading.finding,
            probability=reading.probability,
            gate_distance=reading.gate_distance,
            source_path=reading.source_path,
            source_member=reading.source_member,
            heatmap=heatmap,
            heatmap_file=heatmap
            and heatmap.kept_in(desk.settings.worklists / batch.id / "heatmaps" / f"{reading.id}.png"),
            edge_warning=_edge_warning(heatmap, reading.probability, point.threshold),
            threshold=point.threshold,
            uncertain_low=point.uncertain_low,
            uncertain_high=point.uncertain_high,
            tested=_tested(model.card, point.threshold),
            same_image_as=same.words(reading.study, reading.file),
            lineage=_lineage(reading, in_english),
            lineage_in_words=_lineage(reading, tr),
        )


def _lineage(reading: tables.Reading, say: Say) -> dict[str, str]:
    batch, model, point = reading.batch, reading.batch.model_version, reading.batch.operating_point
    is_reused = reading.taken_over_from is not None
    return {
        say(mark("File (SHA-256)")): reading.file_hash or "–",
        say(mark("Patient")): reading.patient or say(mark("not stated")),
        say(mark("Model")): f"{model.name} ({model.checkpoint_hash[:16]})",
        say(mark("Run")): model.run_id or "–",
        say(mark("Dataset")): (model.card.get("cohort_fingerprint") or "–")[:16],
        say(mark("Operating point")): say(
            mark("{name}, threshold {threshold:.3f}, indeterminate {indeterminate_range}"),
            name=point.name,
            threshold=point.threshold,
            indeterminate_range=range_in_words(point.uncertain_low, point.uncertain_high),
        ),
        say(mark("Chosen on")): point.chosen_on,
        say(mark("Engine")): batch.engine or "–",
        say(mark("Asked for by")): batch.reader or "–",
        say(mark("Read at")): say(mark("{when:%Y-%m-%d %H:%M:%S} UTC"), when=reading.created_at),
        say(mark("Reused")): say(mark("from an earlier reading of the same image")) if is_reused else "–",
    }


def meaning_here(reading: ReadingDetail, prevalence: float | None) -> str:
    """Return the predictive value of an AI result where `prevalence` (0 to 1) of the images show pneumonia.

    Only a result on one side of the indeterminate range has one; the rates it rests on are those at the threshold.
    """
    if reading.ai_result not in (AIResult.FLAGGED, AIResult.NO_FLAG):
        return tr("No predictive value: the AI result is not decisive.")
    if prevalence is None:
        return tr("State the site's prevalence under Rules to see the predictive value.")
    if reading.tested is None:
        return tr("No predictive value: this model was not evaluated on labelled images at this threshold.")
    values = predictive_values(reading.tested, prevalence)
    is_flagged = reading.ai_result is AIResult.FLAGGED
    share, interval = (values.ppv, values.ppv_interval) if is_flagged else (values.npv, values.npv_interval)
    low, high = map(_never_certain, interval)
    return tr(
        PPV_WORDS if is_flagged else NPV_WORDS,
        share=_never_certain(share),
        low=low,
        high=high,
        threshold=score_in_words(reading.threshold),
        prevalence=say_share(prevalence),
        num_images=reading.tested.num_films,
    )


def _never_certain(share: float) -> str:
    """Return a share to one decimal, never as 0 or 100 %."""
    return say_share(min(max(share, 1e-9), 1 - 1e-9))


def _tested(card: dict[str, Any], threshold: float) -> MeasuredRates | None:
    """Return the rates at a threshold over the folds that the card reports, to none of which the model was fitted."""
    reports = [EvaluationReport.model_validate(report) for report in card.get("metrics", {}).values()]
    return MeasuredRates.of(report for report in reports if math.isclose(report.threshold, threshold, abs_tol=1e-6))


def _edge_warning(heatmap: Heatmap | None, probability: float | None, threshold: float) -> str | None:
    """Return a warning for an image over the threshold; below it, hardly anything is left of the map."""
    if heatmap is None or probability is None or probability < threshold:
        return None
    share = edge_share(heatmap.share_hw)
    if share <= EDGE_SHARE_LIMIT:
        return None
    return tr(
        "{share} of the AI heatmap lies at the border or in the corners, more than in 19 of 20 flagged images: the "
        "score may rest on markers, edges or what lies outside the lungs.",
        share=say_share(share, 0),
    )
