"""One batch's files in the order of the worklist, as every document and program is given them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from core.reasons import read_aloud
from core.services.desk import Desk
from core.services.desk.csv_export import rows_to_csv
from core.services.triage.batch_results import TriageResult, describe_batch
from core.services.worklist.same_images import find_same_images
from core.services.worklist.studies import Worklist, counts_of, load_worklist
from core.services.worklist.verdicts import verdicts_in_words
from core.settings import NOTICE
from db import models as tables

READING_FIELDS = (
    *("id", "study", "file", "file_hash", "status", "reason_code", "reason", "reasons", "probability"),
    *("finding", "gate_distance", "created_at"),
)
PLACE_FIELDS = ("is_lifted", "waited_hours", "assigned_to")
CSV_COLUMNS = (
    *("file", "status", "reason", "probability", "finding", "priority", "model", "operating_point"),
    *("rank", "study", "same_image_as", "is_lifted", "verdicts", "notes", "judged_at", "rules_version"),
)


def ranked_readings(desk: Desk, batch_id: str) -> list[dict[str, Any]]:
    """Return every file of a batch in the order of its worklist, with its place; raises InputNotFoundError.

    Files of one study are beside one another, in one place. `rank` counts studies from 1, `priority` is the band that
    the rules of `rules_version` put the study into, `verdicts` what readers said, and `same_image_as` names other files
    with the same image.
    """
    batch = describe_batch(desk, batch_id)
    return _ranked(desk, batch, load_worklist(desk, batch_id))


def batch_document(desk: Desk, batch_id: str) -> dict[str, Any]:
    """Return a batch with its list, its studies by band and the version of the rules; raises InputNotFoundError."""
    batch = describe_batch(desk, batch_id)
    worklist = load_worklist(desk, batch_id)
    return {
        **vars(batch),
        "counts": counts_of(worklist.studies),
        "rules_version": worklist.rules_version,
        "readings": [{"reading": row["id"], **row} for row in _ranked(desk, batch, worklist)],
        "notice": NOTICE,
    }


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return ranked rows as CSV, what readers said in one cell each for findings, notes and moments (UTC)."""
    return rows_to_csv([{**row, **verdicts_in_words(row["verdicts"])} for row in rows], CSV_COLUMNS)


def _ranked(desk: Desk, batch: TriageResult, worklist: Worklist) -> list[dict[str, Any]]:
    of_batch = {
        "model": f"{batch.model}@{batch.checkpoint_hash[:12]}",
        "operating_point": f"{batch.operating_point['name']} ({batch.operating_point['threshold']:.4f})",
        "rules_version": worklist.rules_version,
    }
    files, verdicts = _files_by_study(desk, batch.batch_id), _verdicts_by_study(worklist)
    same = find_same_images(desk, select(tables.Reading.study).where(tables.Reading.batch_id == batch.batch_id))
    placed = worklist.studies[["study", "band", *PLACE_FIELDS]].to_dict("records")
    return [
        {
            **file,
            "rank": rank,
            "priority": study["band"],
            **{name: study[name] for name in PLACE_FIELDS},
            "same_image_as": same.words(study["study"], file["file"]),
            "verdicts": verdicts[study["study"]],
            **of_batch,
        }
        for rank, study in enumerate(placed, start=1)
        for file in files[study["study"]]
    ]


def _files_by_study(desk: Desk, batch_id: str) -> dict[str, list[dict[str, Any]]]:
    reading = tables.Reading
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with desk.reading() as session:
        rows = session.execute(
            select(*(getattr(reading, field) for field in READING_FIELDS))
            .where(reading.batch_id == batch_id)
            .order_by(reading.file)
        )
        for row in rows.mappings():
            said = {"reason": read_aloud(row["reasons"], row["reason"]), "reasons": row["reasons"] or []}
            files[row["study"]].append({**row, **said})
    return files


def _verdicts_by_study(worklist: Worklist) -> dict[str, list[dict[str, Any]]]:
    verdicts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in worklist.verdicts.to_dict("records"):
        said = {name: row[name] for name in ("reader", "verdict", "note")}
        verdicts[row["study"]].append({**said, "when": row["created_at"].isoformat()})
    return verdicts
