"""The one place that says which study a file belongs to: what readers find is said of a study.

A study is an image of a patient: the file's content, the patient's pseudonym, and the image's own number or else the
file's name. The same image under two names or of two patients is two studies, which the lists link.
"""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.radiograph.image_format import Origin
from core.radiograph.rejection import RejectionReason
from core.services.desk import Desk
from core.services.films.pseudonyms import Kind, patient_pseudonym, pseudonym
from core.triage.priority import Status
from db import models as tables


def tells_images_apart(status: str, reason_code: str) -> bool:
    """Return whether the content of a file shows something: many are empty, broken or blank in the same way."""
    return status != Status.FAILED.value and reason_code != RejectionReason.BLANK.value


def identify(desk: Desk, row: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """Return the columns `patient`, `instance` and `study` of a reading's row."""
    patient = patient_pseudonym(desk, origin.patient) if origin.patient else None
    instance = pseudonym(desk, Kind.INSTANCE, origin.instance) if origin.instance else None
    return {"patient": patient, "instance": instance, "study": study_key({**row, "patient": patient}, instance)}


def study_key(row: dict[str, Any], instance: str | None) -> str:
    """Return the study of a reading's row: 64 letters that tell nothing of what they are made from."""
    content, patient = row["file_hash"], row["patient"] or ""
    if content and instance:
        parts = ["instance", content, patient, instance]
    elif content and tells_images_apart(row["status"], row["reason_code"]):
        # Systems differ in how they spell accented letters.
        parts = ["name", content, patient, unicodedata.normalize("NFC", row["file"])]
    else:
        parts = ["file", row["batch_id"], row["file"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep_earlier_studies(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Let a file that says its instance keep the study it had by its name, before instances were recorded."""
    reading = tables.Reading
    contents = [row["file_hash"] for row in rows if row["instance"]]
    if not contents:
        return
    earlier = session.execute(
        select(reading.file_hash, reading.file, reading.study).where(
            reading.file_hash.in_(contents), reading.instance.is_(None), reading.status != Status.FAILED.value
        )
    )
    study_of = {(content, file): study for content, file, study in earlier}
    for row in rows:
        if row["instance"]:
            row["study"] = study_of.get((row["file_hash"], row["file"]), row["study"])
