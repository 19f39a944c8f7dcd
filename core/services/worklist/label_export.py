"""Verdicts leave the desk as the labels of a new dataset: images and a metadata.csv that says what readers found."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

import pandas as pd

from core.dataset.metadata import METADATA_COLUMNS, METADATA_FILE
from core.dataset.naming import parse_kermany_name
from core.errors import InputNotFoundError, PneumoDeskError, RadiographError, WorklistError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.desk.csv_export import rows_to_csv
from core.services.films.images import read_film_bytes
from core.services.worklist.agreement import consensus_of
from core.services.worklist.same_images import find_same_images
from core.services.worklist.studies import load_worklist
from core.triage.intake import place_of
from db.base import utc_now

EXPORT_COLUMNS = (
    *(*METADATA_COLUMNS, "readers", "verdicts", "probability", "model", "film_sha256", "study", "same_image_as"),
)


@dataclass(frozen=True)
class VerdictExport:
    """What was written, and why the rest was not."""

    folder: Path
    num_films: int
    num_undecided: int
    num_conflicting: int
    missing: list[str]


def export_verdicts(
    desk: Desk, reader: str | None, folder: Path | None = None, batch_id: str | None = None
) -> VerdictExport:
    """Write the images whose readers agree on pneumonia or normal, and a metadata.csv, as a dataset folder.

    Images on which readers differ or nobody decided are left out and counted, and so are those of one image in several
    studies on which they differ; those that are no longer where they were read are named. The folder is made, by
    default below the desk's home; raises WorklistError if it is not empty, if nothing can be exported, or if the disk
    is full.
    """
    worklist = load_worklist(desk, batch_id)
    verdicts = worklist.verdicts[worklist.verdicts["study"].isin(worklist.studies["study"])]
    labels = _of_one_label_each(desk, consensus_of(verdicts))
    decided = labels.dropna()
    if decided.empty:
        raise WorklistError(
            tr("No study has been read as pneumonia or no pneumonia yet, so there are no labels to export.")
        )
    folder = folder or desk.settings.home / "cohorts" / f"verdicts-{utc_now():%Y%m%d-%H%M%S}"
    _make_empty(folder)
    undecided = verdicts[verdicts["study"].isin(labels.index[labels.isna()])]
    num_conflicting = int(
        (undecided[undecided["verdict"].isin(("pneumonia", "normal"))].groupby("study").size() > 0).sum()
    )
    studies = worklist.studies.set_index("study")
    rows, missing = [], []
    for study, label in ((str(study), str(label)) for study, label in decided.items()):
        try:
            rows.append(_export_one(desk, folder, study, label, cast("pd.Series", studies.loc[study]), verdicts))
        except (InputNotFoundError, RadiographError):
            missing.append(str(studies["file"].loc[study]))
        except OSError as error:
            raise WorklistError(
                tr(
                    "{folder} cannot be written ({strerror}). Free some space or choose another folder; what is there "
                    "is not complete.",
                    folder=folder,
                    strerror=error.strerror,
                )
            ) from error
    _write_text(folder / METADATA_FILE, rows_to_csv(rows, EXPORT_COLUMNS))
    with desk.transaction() as session:
        record_event(
            session, reader, AuditAction.EXPORT, f"verdicts to {folder}", films=len(rows), missing=len(missing)
        )
    return VerdictExport(folder, len(rows), int(labels.isna().sum()) - num_conflicting, num_conflicting, missing)


def _of_one_label_each(desk: Desk, labels: pd.Series) -> pd.Series:
    """Return the labels by study, None where the same image in another study has the other label."""
    same, said = find_same_images(desk), labels.dropna().to_dict()

    def is_contradicted(study: str) -> bool:
        return len({said[other] for other in same.studies(study) if other in said}) > 1

    return pd.Series(
        {study: None if is_contradicted(str(study)) else label for study, label in labels.items()}, dtype=object
    )


def _export_one(
    desk: Desk, folder: Path, study: str, label: str, row: pd.Series, verdicts: pd.DataFrame
) -> dict[str, object]:
    content = read_film_bytes(desk, place_of(row["source_path"]), row["source_member"])
    name = PurePosixPath(row["file"]).name
    known = parse_kermany_name(name)
    # The hash leads, so that no two images share a name and no name can be a formula or a way out of the folder.
    file = f"films/{study[:16]}{_ending(name)}"
    (folder / "films").mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    said = verdicts[verdicts["study"] == study]
    return {
        **dict.fromkeys(EXPORT_COLUMNS),
        "file": file,
        "label": label,
        "patient_id": row["patient"] or (known.patient if known else None),
        "readers": "; ".join(said["reader"]),
        "verdicts": "; ".join(said["verdict"]),
        "probability": row["probability"],
        "model": row["model"],
        "film_sha256": row["file_hash"],
        "study": study,
        "same_image_as": row["same_image_as"],
    }


def _ending(name: str) -> str:
    ending = PurePosixPath(name).suffix.lower()
    return ending if ending[1:].isalnum() and len(ending) <= 6 else ""


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise WorklistError(tr("{folder} is not empty. Name a new folder for the export.", folder=folder))
    except OSError as error:
        raise WorklistError(
            tr("{folder} cannot be made ({strerror}). Name another folder.", folder=folder, strerror=error.strerror)
        ) from error


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise PneumoDeskError(
            tr("{path} cannot be written: {strerror}.", path=path, strerror=error.strerror)
        ) from error
