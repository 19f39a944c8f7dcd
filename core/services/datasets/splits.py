"""Splits that have a name: proposed, looked at, saved, and never changed afterwards."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.dataset.manifest import Cohort, is_patient_unknown
from core.dataset.splitting import CohortSplit, Fold, SplitConfig, propose_split
from core.errors import CohortError, InputNotFoundError
from core.language import tr
from core.model.checkpoint import write_atomically
from core.services.desk import Desk
from db import models as tables

LONGEST_NAME = 52
"""With a fold's name after it, it is still the name of a split whose predictions are kept."""
NAME = re.compile(rf"[\w][\w .+-]{{0,{LONGEST_NAME - 1}}}")
FOLDS = ("train", "validation", "calibration", "holdout")


@dataclass(frozen=True)
class SplitSummary:
    """A saved split as lists show it; `counts` holds images by fold and class."""

    name: str
    fingerprint: str
    cohort_fingerprint: str
    root: Path
    config: SplitConfig
    counts: dict[str, dict[str, int]]
    reader: str | None
    created_at: datetime


def preview_split(cohort: Cohort, config: SplitConfig) -> tuple[CohortSplit, pd.DataFrame]:
    """Return the proposed split and its balance: images, patients and subtypes for each fold; raises CohortError."""
    split = propose_split(cohort, config)
    films = cohort.manifest.set_index("file").loc[split.assignments.index]
    films = films.assign(fold=split.assignments, subtype=films["subtype"].fillna("unknown"))
    by_fold = films.groupby("fold")
    unknown = is_patient_unknown(films)
    known = films["patient"].mask(unknown).groupby(films["fold"]).nunique()
    balance = pd.DataFrame({"films": by_fold.size(), "patients": known})
    if unknown.any():
        balance["images of unknown patients"] = unknown.groupby(films["fold"]).sum()
    for column in ("label", "subtype"):
        counts = films.groupby(["fold", column]).size().unstack(fill_value=0)
        balance = balance.join(counts[[name for name in counts.columns if name not in balance.columns]])
    return split, balance.reindex([fold for fold in FOLDS if fold in balance.index])


def save_split(desk: Desk, cohort: Cohort, config: SplitConfig, name: str, reader: str | None = None) -> SplitSummary:
    """Save the split that a config proposes under a name; raises CohortError if the name is taken or unfit."""
    return keep_split(desk, cohort, preview_split(cohort, config)[0], name, reader)


def keep_split(desk: Desk, cohort: Cohort, split: CohortSplit, name: str, reader: str | None) -> SplitSummary:
    """Save a split as it is under a name; raises CohortError if the name is taken or unfit."""
    name = name.strip()
    if not NAME.fullmatch(name):
        raise CohortError(
            tr(
                "A split needs a name of at most {longest} letters, digits, spaces, dots, dashes or underscores.",
                longest=LONGEST_NAME,
            )
        )
    labels = cohort.manifest.set_index("file")["label"].loc[split.assignments.index]
    counts: dict[str, dict[str, int]] = {}
    for place, count in labels.groupby([split.assignments, labels]).size().items():
        fold, label = cast("tuple[str, str]", place)
        counts.setdefault(str(fold), {})[str(label)] = int(count)
    path = desk.settings.home / "splits" / f"{split.fingerprint}-{cohort.fingerprint[:16]}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _table(split.assignments))
    with desk.transaction() as session:
        if session.get(tables.SavedSplit, name) is not None:
            raise CohortError(
                tr("A split is called {name!r} already, and saved splits never change: name it otherwise.", name=name)
            )
        session.add(
            tables.SavedSplit(
                name=name,
                fingerprint=split.fingerprint,
                cohort_fingerprint=cohort.fingerprint,
                root=str(cohort.root),
                config={**split.config.model_dump(mode="json"), "table_hash": _hash(_table(split.assignments))},
                counts=counts,
                folder=str(path),
                reader=reader,
            )
        )
    return get_split(desk, name)


def list_splits(desk: Desk, cohort_fingerprint: str | None = None) -> list[SplitSummary]:
    """Return saved splits, newest first, of one dataset if it is named."""
    query = select(tables.SavedSplit).order_by(tables.SavedSplit.created_at.desc())
    if cohort_fingerprint is not None:
        query = query.where(tables.SavedSplit.cohort_fingerprint == cohort_fingerprint)
    with desk.reading() as session:
        return [_summary(row) for row in session.scalars(query)]


def splits_for(desk: Desk, root: Path, cohort_fingerprint: str) -> list[SplitSummary]:
    """Return the splits that were saved for a folder or for the same images elsewhere, newest first."""
    return [one for one in list_splits(desk) if one.root == root or one.cohort_fingerprint == cohort_fingerprint]


def get_split(desk: Desk, name: str) -> SplitSummary:
    """Return a saved split by its name; raises InputNotFoundError."""
    with desk.reading() as session:
        return _summary(_row(session.get(tables.SavedSplit, name), name))


def fingerprint_of_split(session: Session, name: str) -> str:
    """Return the fingerprint of a saved split; raises InputNotFoundError."""
    return _row(session.get(tables.SavedSplit, name), name).fingerprint


def split_of(desk: Desk, name: str, cohort: Cohort) -> CohortSplit:
    """Return a saved split of a dataset, wherever that lies now.

    Raises InputNotFoundError if there is none, and CohortError if its images or its table changed since it was saved.
    """
    with desk.reading() as session:
        row = _row(session.get(tables.SavedSplit, name), name)
    check_films(_summary(row), cohort)
    try:
        content = Path(row.folder).read_bytes()
    except OSError as error:
        raise CohortError(
            tr("The table of the split {name!r}, {folder}, cannot be read.", name=name, folder=row.folder)
        ) from error
    if _hash(content) != row.config["table_hash"]:
        raise CohortError(
            tr(
                "The table of the split {name!r}, {folder}, was changed: save a new split.",
                name=name,
                folder=row.folder,
            )
        )
    table = pd.read_csv(Path(row.folder), dtype=str, keep_default_na=False)
    assignments = pd.Series(table["fold"].to_numpy(), index=pd.Index(table["file"], name="file"), name="fold")
    return CohortSplit(assignments, row.fingerprint, _config(row))


def check_films(saved: SplitSummary, cohort: Cohort) -> None:
    """Raise CohortError unless a dataset has just the images that a split was saved for."""
    if cohort.fingerprint == saved.cohort_fingerprint:
        return
    if cohort.root == saved.root:
        raise CohortError(
            tr(
                "The images of {root} have changed since the split {name!r} was saved: save a new one.",
                root=saved.root,
                name=saved.name,
            )
        )
    raise CohortError(
        tr(
            "The split {name!r} was saved for {folder}, and {other_folder} holds other images: save a split of these.",
            name=saved.name,
            folder=saved.root,
            other_folder=cohort.root,
        )
    )


def files_of_fold(desk: Desk, cohort: Cohort, named: str) -> list[str]:
    """Return the images of `NAME/FOLD`, a fold of a saved split; raises as `split_of`, also for an unknown fold."""
    name, _, fold = named.rpartition("/")
    files = split_of(desk, name, cohort).files(cast("Fold", fold))
    if not files:
        raise InputNotFoundError(
            tr(
                "The split {name!r} has no fold {fold!r}. Its folds: {folds}.",
                name=name,
                fold=fold,
                folds=", ".join(FOLDS),
            )
        )
    return files


def _row(row: tables.SavedSplit | None, name: str) -> tables.SavedSplit:
    if row is None:
        raise InputNotFoundError(tr("There is no split called {name!r}.", name=name))
    return row


def _summary(row: tables.SavedSplit) -> SplitSummary:
    return SplitSummary(
        row.name,
        row.fingerprint,
        row.cohort_fingerprint,
        Path(row.root),
        _config(row),
        row.counts,
        row.reader,
        row.created_at,
    )


def _config(row: tables.SavedSplit) -> SplitConfig:
    return SplitConfig(**{key: value for key, value in row.config.items() if key != "table_hash"})


def _table(assignments: pd.Series) -> bytes:
    # Without the guard of exports against formulas: the desk reads it back, and a changed name would be no file.
    table = assignments.rename("fold").rename_axis("file").reset_index()
    return table.to_csv(index=False, lineterminator="\n").encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
