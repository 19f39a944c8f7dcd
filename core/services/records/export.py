"""Records of runs leave the desk: a folder of JSON that any desk can import, with no image and no path in it.

`index.json` names every document by its hash; `runs/` has one document a run, `films/` one for each set of images.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import PneumoDeskError
from core.language import SOURCE, speaking, tr
from core.model.checkpoint import write_atomically
from core.reasons import say
from core.services.desk import Desk
from core.services.evaluation.predictions import OWN_FOLDS, load_predictions
from core.services.evaluation.test_set_access import (
    Figures,
    RecordedOpening,
    ShownFigures,
    count_looks,
    recorded_openings,
)
from core.services.records.documents import (
    NOT_EXPORTED,
    RECORD_FORMAT,
    Finished,
    RecordedFilms,
    RecordedPredictions,
    RunDocument,
    content_of,
    fingerprint_of,
    without_paths,
)
from core.services.runs.record import RunRecord, get_record, resolve_run_ids
from db import models as tables
from db.states import State

INDEX_FILE = "index.json"
EXPORTED_SPLITS = OWN_FOLDS


@dataclass(frozen=True)
class ExportedRecords:
    """What was written."""

    folder: Path
    run_ids: tuple[str, ...]
    num_bytes: int


def export_records(desk: Desk, runs: Sequence[str], folder: Path) -> ExportedRecords:
    """Write the records of finished runs to a folder; those that lie there already stay.

    Predictions go along on validation, calibration and held-out images; of test images only what each access gave.
    Raises PneumoDeskError if a run has not ended, or if a path of this machine would go along.
    """
    ids = list(dict.fromkeys(resolve_run_ids(desk, runs)))
    # Before it is written, so that a record tells of its own leaving.
    count_looks(desk, _shown(desk, ids), "exported")
    contents: dict[str, bytes] = {}
    for run_id in ids:
        contents |= _contents(desk, run_id)
    _check_no_paths(desk, contents)
    index = _index(folder)
    for path, content in contents.items():
        index["documents"][path] = fingerprint_of(content)
    contents[INDEX_FILE] = (json.dumps(index, indent=1, sort_keys=True) + "\n").encode()
    try:
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / path, content)
    except OSError as error:
        raise PneumoDeskError(
            tr("{folder} cannot be written: {strerror}. Name another folder.", folder=folder, strerror=error.strerror)
        ) from error
    return ExportedRecords(folder, tuple(ids), sum(map(len, contents.values())))


def _shown(desk: Desk, ids: Sequence[str]) -> list[Figures]:
    """Return the figures that may not select and leave with these runs: predictions, and what each access gave."""
    shown: list[Figures] = []
    with desk.reading() as session:
        runs = session.scalars(select(tables.Run).where(tables.Run.id.in_(ids)))
        hashes = [run.checkpoint_hash for run in runs if run.checkpoint_hash]
        for split in EXPORTED_SPLITS:
            shown += load_predictions(session, hashes, split).values()
    for one in hashes:
        accesses = recorded_openings(desk, one)
        shown += [ShownFigures(one, each.cohort_fingerprint or "", each.split, each.report) for each in accesses]
    return shown


def _contents(desk: Desk, run_id: str) -> dict[str, bytes]:
    record = get_record(desk, run_id)
    if not State(record.state).is_finished:
        raise PneumoDeskError(
            tr(
                "{name} ({run_id}) is {state}: only runs that have ended are recorded.",
                name=record.name,
                run_id=record.id,
                state=record.state,
            )
        )
    contents, predictions = {}, []
    with desk.reading() as session:
        run = session.get_one(tables.Run, run_id)
        for split in EXPORTED_SPLITS:
            for predicted in load_predictions(session, [run.checkpoint_hash or ""], split).values():
                films = content_of(RecordedFilms.of(predicted.films))
                fingerprint = fingerprint_of(films)
                contents[f"films/{fingerprint}.json"] = films
                predictions.append(RecordedPredictions.of(predicted, fingerprint))
        document = _document(desk, session, run, record, predictions)
    contents[f"runs/{run_id}.json"] = content_of(document)
    return contents


def _document(
    desk: Desk, session: Session, run: tables.Run, record: RunRecord, predictions: Sequence[RecordedPredictions]
) -> RunDocument:
    sweep = session.get(tables.Sweep, run.sweep_id) if run.sweep_id else None
    reasons = tuple(_pathless(reason) for reason in run.reasons or ())
    weights_file = {"weights_file": NOT_EXPORTED} if run.config.get("weights_file") else {}
    return RunDocument(
        id=run.id,
        name=without_paths(run.name),
        state=cast("Finished", run.state),
        config={**run.config, **weights_file},
        cohort_fingerprint=run.cohort_fingerprint,
        split_fingerprint=run.split_fingerprint,
        split_name=run.split_name,
        checkpoint_hash=run.checkpoint_hash,
        environment=run.environment or {},
        summary=run.summary or {},
        epochs=record.epochs,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=_in_english(reasons),
        reasons=reasons,
        note=without_paths(record.note),
        tags=record.tags,
        sweep=without_paths(sweep.name) if sweep else None,
        predictions=tuple(predictions),
        openings=(*_openings_elsewhere(session, run.id), *recorded_openings(desk, run.checkpoint_hash or "")),
    )


def _pathless(value: Any) -> Any:
    """Return a reason with every absolute path in its values taken out."""
    if isinstance(value, dict):
        return {name: _pathless(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_pathless(one) for one in value]
    return without_paths(value) if isinstance(value, str) else value


def _in_english(reasons: Sequence[dict[str, Any]]) -> str | None:
    """A document is read on other desks, and by programs, whatever is spoken here."""
    with speaking(SOURCE):
        return say(reasons) if reasons else None


def _openings_elsewhere(session: Session, run_id: str) -> tuple[RecordedOpening, ...]:
    """Return what an imported record brought of accesses on the desk it came from."""
    imported = session.get(tables.ImportedRecord, run_id)
    return RunDocument.model_validate(imported.document).openings if imported else ()


def _check_no_paths(desk: Desk, contents: dict[str, bytes]) -> None:
    """Refuse to publish what names a folder of this machine, wherever it stands."""
    home = str(desk.settings.home.absolute())
    names = {home, str(Path.home())} - {"/", ""}
    for path, content in contents.items():
        # Hashes and numbers fill most of it; a folder's name is looked for as JSON would write it.
        if any(json.dumps(name)[1:-1].encode() in content for name in names):
            raise PneumoDeskError(
                tr(
                    "The record {path} names a folder of this machine and was not written. Look at the run's config, "
                    "note and tags, and take the path out.",
                    path=path,
                )
            )


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX_FILE
    if not path.is_file():
        return {"format": RECORD_FORMAT, "documents": {}}
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        return {"format": RECORD_FORMAT, "documents": dict(index["documents"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PneumoDeskError(
            tr("{path} cannot be read as an index of records. Name another folder.", path=path)
        ) from error
