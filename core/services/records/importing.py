"""Records of runs made elsewhere come to this desk, to be looked at and never changed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError, PneumoDeskError
from core.language import SOURCE, speaking, tr
from core.reasons import Said, recalled, say, store
from core.services.desk import Desk
from core.services.evaluation.predictions import PredictedFilms, keep_predictions
from core.services.records.documents import RecordedFilms, RunDocument, fingerprint_of
from core.services.records.export import INDEX_FILE
from db import models as tables

RUN_FILE = "run.json"
NO_FOLDER = "imported-record"
"""What stands for the folder of a run whose files are not here."""
LARGEST_BYTES = 50 * 10**6


@dataclass(frozen=True)
class ImportedRecords:
    """What an import did; `problems` are sentences about documents that were left out."""

    imported: tuple[str, ...]
    known: tuple[str, ...]
    problems: tuple[str, ...]


def import_records(desk: Desk, folder: Path) -> ImportedRecords:
    """Add the records in a folder, or the `run.json` of an exported model or its members, as runs nothing may change.

    A run that this desk has already is left as it is; a damaged document is named and harms no other. Raises
    InputNotFoundError where there is nothing to import.
    """
    documents, problems = _read(folder)
    imported, known = [], []
    for document, content in documents:
        try:
            with desk.transaction() as session:
                if session.get(tables.Run, document.id) is not None:
                    known.append(document.id)
                    continue
                _add(session, document, content, folder)
            imported.append(document.id)
        except PneumoDeskError as error:
            problems.append(f"{document.name} ({document.id}) was left out: {error}")
    return ImportedRecords(tuple(imported), tuple(known), tuple(problems))


def _read(folder: Path) -> tuple[list[tuple[RunDocument, bytes]], list[str]]:
    if (folder / INDEX_FILE).is_file():
        runs = {path: expected for path, expected in _index(folder).items() if path.startswith("runs/")}
        return _read_each({folder / path: partial(_verified, folder, path, runs[path]) for path in runs})
    if beside_weights := [*folder.glob(RUN_FILE), *sorted(folder.glob(f"members/*/{RUN_FILE}"))]:
        documents, problems = _read_each({path: partial(_content, path) for path in beside_weights})
        if not documents:
            raise PneumoDeskError(problems[0])
        return documents, problems
    raise InputNotFoundError(
        tr(
            "{folder} holds no records: neither {index_file} nor {run_file} is there.",
            folder=folder,
            index_file=INDEX_FILE,
            run_file=RUN_FILE,
        )
    )


def _read_each(contents: dict[Path, Callable[[], bytes]]) -> tuple[list[tuple[RunDocument, bytes]], list[str]]:
    """Return the documents that can be read, and a sentence about each that cannot."""
    documents, problems = [], []
    for path, content_of in contents.items():
        try:
            content = content_of()
            documents.append((_parsed(content, path), content))
        except PneumoDeskError as error:
            problems.append(str(error))
    return documents, problems


def _index(folder: Path) -> dict[str, str]:
    try:
        found = json.loads(_content(folder / INDEX_FILE))["documents"]
        return {str(path): str(one) for path, one in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PneumoDeskError(tr("{folder} is no index of records.", folder=folder / INDEX_FILE)) from error


def _verified(folder: Path, path: str, expected: str) -> bytes:
    inside = (folder / path).resolve()
    if not inside.is_relative_to(folder.resolve()):
        raise PneumoDeskError(
            tr("The index names {path!r}, which lies outside the folder; it was left out.", path=path)
        )
    content = _content(inside)
    if fingerprint_of(content) != expected:
        raise PneumoDeskError(tr("{folder} was changed after it was exported; it was left out.", folder=folder / path))
    return content


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise PneumoDeskError(tr("{path} is larger than any record; it was left out.", path=path))
        return path.read_bytes()
    except OSError as error:
        raise PneumoDeskError(
            tr("{path} cannot be read: {strerror}; it was left out.", path=path, strerror=error.strerror)
        ) from error


def _parsed(content: bytes, path: Path) -> RunDocument:
    try:
        return RunDocument.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise PneumoDeskError(
            tr(
                "{path} is no record of a run: {field}: {problem}.",
                path=path,
                field=place,
                problem=first["msg"].lower(),
            )
        ) from error


def _reasons(document: RunDocument) -> list[dict[str, Any]] | None:
    """Return why a run ended as its document says it, or its sentence alone where the codes do not say the same here.

    They would not where a later version wrote them, or where somebody changed the file.
    """
    if document.error is None:
        return None
    try:
        with speaking(SOURCE):
            reasons = store(map(recalled, document.reasons))
            if say(reasons) == document.error:
                return reasons
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    return store([Said(document.error)])


def _add(session: Session, document: RunDocument, content: bytes, folder: Path) -> None:
    session.add(
        tables.Run(
            id=document.id,
            name=document.name,
            state=document.state,
            reasons=_reasons(document),
            config=document.config,
            cohort_fingerprint=document.cohort_fingerprint,
            split_fingerprint=document.split_fingerprint,
            split_name=document.split_name,
            environment=document.environment,
            folder=NO_FOLDER,
            summary=document.summary,
            checkpoint_hash=document.checkpoint_hash,
            created_at=document.created_at,
            started_at=document.started_at,
            finished_at=document.finished_at,
        )
    )
    session.flush()
    for epoch in document.epochs:
        number = int(epoch["epoch"] or 0)
        session.add_all(
            tables.RunMetric(run_id=document.id, name=name, epoch=number, value=value)
            for name, value in epoch.items()
            if name != "epoch"
        )
    tags = dict.fromkeys((*document.tags, *([f"sweep {document.sweep}"[:64]] if document.sweep else [])))
    session.add_all(tables.RunTag(run_id=document.id, tag=tag) for tag in tags)
    if document.note:
        session.add(tables.RunAnnotation(run_id=document.id, note=document.note))
    for predicted in _predictions(document, folder):
        keep_predictions(session, predicted)
    session.flush()
    session.add(
        tables.ImportedRecord(
            run_id=document.id,
            document_hash=fingerprint_of(content),
            document=document.model_dump(mode="json", exclude={"predictions"}),
        )
    )


def _predictions(document: RunDocument, folder: Path) -> list[PredictedFilms]:
    found = []
    for one in document.predictions:
        films = _films(folder, one.films)
        if len(one.logits) != len(films.labels) or document.checkpoint_hash is None:
            raise PneumoDeskError(tr("its predictions on {split} do not fit their images.", split=one.split))
        found.append(
            PredictedFilms(
                checkpoint_hash=document.checkpoint_hash,
                split=one.split,
                cohort_fingerprint=document.cohort_fingerprint,
                engine=one.engine,
                films=films.films(),
                logits_N=np.array(one.logits, dtype=np.float64),
                calibration=one.calibration,
                report=one.report,
            )
        )
    return found


def _films(folder: Path, fingerprint: str) -> RecordedFilms:
    content = _verified(folder, f"films/{fingerprint}.json", fingerprint)
    try:
        return RecordedFilms.model_validate_json(content)
    except ValidationError as error:
        raise PneumoDeskError(
            tr("the document of its images, {fingerprint}, cannot be read.", fingerprint=fingerprint[:12])
        ) from error
