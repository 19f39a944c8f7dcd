"""Datasets: a folder is indexed, remembered and recorded under its fingerprint."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.dataset.manifest import Cohort, is_patient_unknown
from core.dataset.store import load_or_index
from core.errors import InputNotFoundError
from core.language import tr
from core.progress import OnCount
from core.services.desk import Desk
from core.services.films.pseudonyms import patient_pseudonym
from db import models as tables


def index(desk: Desk, root: Path, on_count: OnCount | None = None) -> Cohort:
    """Index a folder of radiographs, or what changed in it since last time, and record it."""
    if not root.exists():
        raise InputNotFoundError(tr("There is no folder {root}.", root=root))
    settings = desk.settings
    cohort = load_or_index(
        root,
        settings.caches,
        on_count,
        settings.decode_threads,
        settings.max_file_bytes,
        partial(patient_pseudonym, desk),
    )
    with desk.transaction() as session:
        record_cohort(session, cohort)
    return cohort


def record_cohort(session: Session, cohort: Cohort) -> None:
    """Add the dataset to the database unless its fingerprint is there already."""
    known = session.scalar(select(tables.Cohort.id).where(tables.Cohort.fingerprint == cohort.fingerprint))
    if known is None:
        session.add(
            tables.Cohort(
                fingerprint=cohort.fingerprint,
                root=str(cohort.root),
                num_images=len(cohort.manifest),
                summary=summarise(cohort),
            )
        )


def summarise(cohort: Cohort) -> dict[str, Any]:
    """Return the counts of a dataset: by split and label, patients, subtypes, and files with a problem."""
    manifest = cohort.manifest
    usable = manifest[manifest["problem"].isna()]
    unknown = usable[is_patient_unknown(usable)]
    by_split: dict[str, dict[str, int]] = {}
    for place, count in usable.groupby(["split", "label"], dropna=False).size().items():
        split, label = cast("tuple[Any, Any]", place)
        by_split.setdefault(_text(split), {})[_text(label)] = int(count)
    return {
        "fingerprint": cohort.fingerprint,
        "num_images": len(manifest),
        "num_usable": len(usable),
        "num_patients": int(usable["patient"].nunique()),
        "num_unknown_patients": len(unknown),
        "num_different_unknown": int(unknown["patient"].nunique()),
        "images": by_split,
        "subtypes": {_text(name): int(count) for name, count in usable["subtype"].value_counts(dropna=False).items()},
        "num_exact_duplicates": int(usable["content_hash"].duplicated().sum()),
        "problems": {
            str(row.file): str(row.problem) for row in manifest[manifest["problem"].notna()].itertuples(index=False)
        },
    }


def count_of_patients(summary: Mapping[str, Any]) -> str:
    """Return how many patients are known by a dataset's summary, and of how many images none is."""
    num_unknown = summary["num_unknown_patients"]
    num_known = summary["num_patients"] - summary["num_different_unknown"]
    if not num_unknown:
        return f"{num_known:,}"
    return f"{num_known:,}, and {num_unknown:,} images of unknown ones" if num_known else "not known"


def _text(value: object) -> str:
    return value if isinstance(value, str) else "none"
