"""Results that leave the desk as documents: one study or one batch as CSV, JSON or PDF.

Each export is recorded in the audit log, and each names the model, its operating point, the version of the rules
that placed the studies, and the notice.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from PIL import Image

from core.errors import InputNotFoundError, PneumoDeskError, RadiographError
from core.figures.batch_page import BatchReport, BatchRow, draw_batch_page
from core.figures.study_page import ReportedVerdict, StudyReport, draw_study_page
from core.language import tr, tr_n
from core.model.card import ModelCard
from core.reasons import read_remarks
from core.result_words import range_in_words
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.csv_export import rows_to_csv
from core.services.films.images import film_image, read_film_bytes
from core.services.triage.kept import kept_reading
from core.services.worklist.batch_list import batch_document, ranked_readings, to_csv
from core.services.worklist.reading_detail import ReadingDetail, get_reading
from core.services.worklist.studies import Place, count_results, place_reading
from core.services.worklist.verdicts import VerdictRow, current_verdicts, verdicts_in_words
from core.settings import NOTICE
from core.triage.ai_result import ai_result
from core.triage.intake import place_of
from db import models as tables
from db.base import utc_now

FILM_SIDE = 900
"""As the viewer shows the map at first."""
READING_FIELDS = ("file", "status", "reason", "probability", "finding", "same_image_as")
STUDY_FIELDS = (
    *("file", "status", "reason", "probability", "finding", "priority", "model", "operating_point", "verdicts"),
    *("same_image_as", "is_lifted", "notes", "judged_at", "rules_version"),
)


class ExportFormat(StrEnum):
    """What a result can leave the desk as; the values are file endings."""

    CSV = "csv"
    JSON = "json"
    PDF = "pdf"


@dataclass(frozen=True)
class _Study:
    """What all documents of one study are made from."""

    reading: ReadingDetail
    place: Place
    verdicts: list[VerdictRow]
    point: dict[str, Any]
    card: ModelCard


def export_study(desk: Desk, reading_id: int, kind: ExportFormat, actor: str | None = None) -> bytes:
    """Return a study's newest state, seen from one reading, as a document; raises InputNotFoundError."""
    reading = get_reading(desk, reading_id)
    name, point, card = _rests_on(desk, reading_id)
    study = _Study(reading, place_reading(desk, reading_id), current_verdicts(desk, name), point, card)
    makers: dict[ExportFormat, Callable[[], bytes]] = {
        ExportFormat.PDF: lambda: draw_study_page(_study_report(desk, study)),
        ExportFormat.JSON: lambda: _json(_study_document(study)),
        ExportFormat.CSV: lambda: rows_to_csv([_study_row(study)], STUDY_FIELDS).encode(),
    }
    document = makers[kind]()
    _record(desk, actor, "study " + name[:16], kind, reading=reading_id)
    return document


def export_batch(desk: Desk, batch_id: str, kind: ExportFormat, actor: str | None = None) -> bytes:
    """Return a batch's ranked list as a document; raises InputNotFoundError."""
    makers: dict[ExportFormat, Callable[[], bytes]] = {
        ExportFormat.PDF: lambda: draw_batch_page(_batch_report(desk, batch_id)),
        ExportFormat.JSON: lambda: _json(batch_document(desk, batch_id)),
        ExportFormat.CSV: lambda: to_csv(ranked_readings(desk, batch_id)).encode(),
    }
    document = makers[kind]()
    _record(desk, actor, "batch " + batch_id, kind, batch=batch_id)
    return document


def format_of(path: Path) -> ExportFormat:
    """Return the format that a file's ending names; raises PneumoDeskError for any other."""
    try:
        return ExportFormat(path.suffix.lower().removeprefix("."))
    except ValueError as error:
        raise PneumoDeskError(
            tr("{file} has no ending that can be written: name it .csv, .json or .pdf.", file=path.name)
        ) from error


def _rests_on(desk: Desk, reading_id: int) -> tuple[str, dict[str, Any], ModelCard]:
    with desk.reading() as session:
        reading = kept_reading(session, reading_id)
        point = reading.batch.operating_point
        fields = ("name", "threshold", "uncertain_low", "uncertain_high", "rule", "chosen_on")
        card = ModelCard.model_validate(reading.batch.model_version.card)
        return reading.study, {field: getattr(point, field) for field in fields}, card


def _study_report(desk: Desk, study: _Study) -> StudyReport:
    reading, point = study.reading, study.point
    film, overlay = _pictures(desk, reading)
    return StudyReport(
        file=reading.file,
        ai_result=reading.ai_result,
        band=study.place.band,
        is_lifted=study.place.is_lifted,
        reason=reading.reason,
        probability=reading.probability,
        threshold=point["threshold"],
        uncertain_low=point["uncertain_low"],
        uncertain_high=point["uncertain_high"],
        warnings=_warnings(reading),
        lineage={
            **reading.lineage_in_words,
            tr("Rules"): tr("version {version}", version=study.place.rules_version),
        },
        limits=study.card.limits,
        notice=tr(NOTICE),
        made_at=utc_now(),
        verdicts=tuple(ReportedVerdict(row.reader, row.verdict.value, row.note, row.when) for row in study.verdicts),
        film=film,
        overlay=overlay,
    )


def _warnings(reading: ReadingDetail) -> tuple[str, ...]:
    same = tr("the same image as {files}.", files=reading.same_image_as) if reading.same_image_as else None
    return tuple(warning for warning in (reading.edge_warning, same) if warning)


def _pictures(desk: Desk, reading: ReadingDetail) -> tuple[Image.Image | None, Image.Image | None]:
    """Return the image as the viewer shows it, and with the AI heatmap; None where that is not available."""
    if not reading.source_path:
        return None, None
    try:
        content = read_film_bytes(desk, place_of(reading.source_path), reading.source_member)
        film = film_image(content, FILM_SIDE)
    except (InputNotFoundError, RadiographError):
        return None, None
    if reading.heatmap is None:
        return film, None
    return film, reading.heatmap.over(film)


def _study_document(study: _Study) -> dict[str, Any]:
    reading, place = study.reading, study.place
    return {
        **{name: getattr(reading, name) for name in (*READING_FIELDS, "gate_distance", "edge_warning")},
        "priority": place.band,
        "is_lifted": place.is_lifted,
        "rules_version": place.rules_version,
        "operating_point": study.point,
        "lineage": reading.lineage,
        "verdicts": [row.document() for row in study.verdicts],
        "limits": study.card.limits,
        "notice": NOTICE,
    }


def _study_row(study: _Study) -> dict[str, Any]:
    reading, place = study.reading, study.place
    return {
        **{name: getattr(reading, name) for name in READING_FIELDS},
        "priority": place.band,
        "is_lifted": place.is_lifted,
        "rules_version": place.rules_version,
        "model": reading.lineage["Model"],
        "operating_point": reading.lineage["Operating point"],
        **verdicts_in_words([row.document() for row in study.verdicts]),
    }


def _batch_report(desk: Desk, batch_id: str) -> BatchReport:
    batch = batch_document(desk, batch_id)
    with desk.reading() as session:
        row = session.get_one(tables.Batch, batch_id)
        title, reader, created_at = row.source, row.reader, row.created_at
        card = ModelCard.model_validate(row.model_version.card)
    point = batch["operating_point"]
    return BatchReport(
        title=title,
        counts=count_results(desk, [batch_id])[batch_id],
        rows=_batch_rows(batch["readings"]),
        threshold=point["threshold"],
        uncertain_low=point["uncertain_low"],
        uncertain_high=point["uncertain_high"],
        lineage={
            tr("Batch"): tr_n(
                "{batch}, {state}, {n:,} file",
                "{batch}, {state}, {n:,} files",
                batch["num_files"],
                batch=batch_id,
                state=tr(batch["state"]),
            ),
            tr("Model"): f"{batch['model']} ({batch['checkpoint_hash'][:16]})",
            tr("Operating point"): tr(
                "{name}, threshold {threshold:.3f}, indeterminate {indeterminate_range}",
                name=point["name"],
                threshold=point["threshold"],
                indeterminate_range=range_in_words(point["uncertain_low"], point["uncertain_high"]),
            ),
            tr("Chosen on"): point["chosen_on"],
            tr("Engine"): batch["engine"] or "–",
            tr("Rules"): tr("version {version}", version=batch["rules_version"]),
            tr("Asked for by"): reader or "–",
            tr("Asked for at"): tr("{when:%Y-%m-%d %H:%M:%S} UTC", when=created_at),
        },
        limits=card.limits,
        notice=tr(NOTICE),
        made_at=utc_now(),
    )


def _batch_rows(rows: list[dict[str, Any]]) -> list[BatchRow]:
    """Return the rows of a batch's pages; what readers said of a study stands once, below its first file."""
    found, rank = [], None
    for row in rows:
        said = tuple(
            ReportedVerdict(one["reader"], one["verdict"], one["note"], datetime.fromisoformat(one["when"]))
            for one in (row["verdicts"] if row["rank"] != rank else ())
        )
        same = tr("same image as {files}", files=row["same_image_as"]) if row["same_image_as"] else ""
        # Without codes a row is older than they are, and its sentence is all there is.
        remark = read_remarks(row["reasons"] or None, row["reason"])
        found.append(
            BatchRow(
                band=row["priority"],
                is_lifted=row["is_lifted"],
                ai_result=ai_result(row["status"], row["finding"]),
                probability=row["probability"],
                file=row["file"],
                remark="; ".join(part for part in (remark, same) if part),
                verdicts=said,
            )
        )
        rank = row["rank"]
    return found


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace")


def _record(desk: Desk, actor: str | None, subject: str, kind: ExportFormat, **detail: Any) -> None:
    with desk.transaction() as session:
        record_event(session, actor, AuditAction.EXPORT, subject, format=kind.value, **detail)
