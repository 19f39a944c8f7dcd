"""Datasets: a dataset with everything that is known of it, made once and opened at once afterwards."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.dataset.audit.findings import Finding, Severity
from core.dataset.audit.report import AuditReport, audit, with_folder_findings
from core.dataset.audit.shift import Shift
from core.dataset.audit.shortcuts import Shortcut
from core.dataset.feature_store import load_or_measure
from core.dataset.manifest import Cohort
from core.dataset.mean_films import mean_films
from core.errors import InputNotFoundError, PneumoDeskError
from core.language import tr
from core.model.checkpoint import write_atomically
from core.progress import OnCount, OnProgress, Progress, count_for_nobody, counted, tell_nobody
from core.radiograph.phantom import is_marked_as_drawn
from core.reasons import recalled
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.desk.csv_export import frame_to_csv

AUDIT_FORMAT = 5


@dataclass(frozen=True)
class Dataset:
    """A dataset, its images with their features, its audit, and the mean image `[S, S]` of each class."""

    root: Path
    fingerprint: str
    summary: dict[str, Any]
    manifest: pd.DataFrame
    films: pd.DataFrame
    audit: AuditReport
    means: dict[str, np.ndarray]

    @property
    def cohort(self) -> Cohort:
        """The images as they were when they were examined."""
        return Cohort(self.root, self.manifest, self.fingerprint)

    @property
    def is_synthetic(self) -> bool:
        """Whether its images are drawn, not taken: marked by their folder."""
        return is_marked_as_drawn(self.root)


def examine(desk: Desk, root: Path, on_progress: OnProgress = tell_nobody) -> Dataset:
    """Index, measure and audit a folder, or what changed in it since last time; raises CohortError."""
    cohort = indexing.index(desk, root, counted("indexing", on_progress))
    features = _features(desk, cohort, counted("measuring", on_progress))
    path = _audit_path(desk, cohort)
    if not path.exists():
        on_progress(Progress("auditing", 0, 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _encode(audit(cohort, features), mean_films(cohort)))
        on_progress(Progress("auditing", 1, 1))
    # The newest of a fingerprint is the one that holds.
    path.touch()
    return _dataset(cohort, features, path)


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return counts, findings, shortcuts and shift as a document for programs."""
    return {
        **dataset.summary,
        "is_synthetic": dataset.is_synthetic,
        "findings": [
            {
                "code": finding.code,
                "severity": str(finding.severity),
                "title": finding.title,
                "sentence": finding.sentence,
                "advice": finding.advice,
                "groups": finding.groups,
                "num_files": finding.num_files,
                "reason": finding.why.stored(),
            }
            for finding in dataset.audit.findings
        ],
        "shortcut_aucs": {shortcut.feature: shortcut.auc for shortcut in dataset.audit.shortcuts},
        "train_test_shift": [asdict(shift) for shift in dataset.audit.shifts],
    }


def write_manifest(dataset: Dataset, path: Path) -> None:
    """Write one line a file, as CSV or Parquet by the ending; raises PneumoDeskError if it cannot be written."""
    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise PneumoDeskError(
            tr("{path} ends neither in .csv nor in .parquet: one of them says how to write it.", path=path)
        )
    is_table = path.suffix.lower() == ".csv"
    content = frame_to_csv(dataset.manifest).encode() if is_table else dataset.manifest.to_parquet(index=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise PneumoDeskError(
            tr("{path} cannot be written: {strerror}. Name another file.", path=path, strerror=error.strerror)
        ) from error


def open_dataset(desk: Desk, root: Path, fingerprint: str) -> Dataset:
    """Return a dataset that was examined; raises InputNotFoundError if its folder changed or what was kept is gone."""
    kept = (desk.settings.caches / "audits").glob(f"{fingerprint[:32]}-*-{AUDIT_FORMAT}.json")
    newest = max(kept, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None or not root.exists():
        raise InputNotFoundError(tr("What was known of {root} is gone: examine the folder again.", root=root))
    return _opened(desk, root, fingerprint, newest)


@lru_cache(maxsize=2)
def _opened(desk: Desk, root: Path, fingerprint: str, path: Path) -> Dataset:
    """Keyed by the fingerprint, which names exactly these images, and by the audit of all that is said of them."""
    cohort = indexing.index(desk, root)
    if cohort.fingerprint != fingerprint or _audit_path(desk, cohort) != path:
        raise InputNotFoundError(
            tr("The images of {root} have changed since they were examined: examine it again.", root=root)
        )
    features = _features(desk, cohort)
    return _dataset(cohort, features, path)


def _features(desk: Desk, cohort: Cohort, on_count: OnCount = count_for_nobody) -> pd.DataFrame:
    settings = desk.settings
    return load_or_measure(cohort, settings.caches, on_count, settings.decode_threads, settings.max_file_bytes)


def _dataset(cohort: Cohort, features: pd.DataFrame, path: Path) -> Dataset:
    report, means = _decode(path.read_text(encoding="utf-8"))
    report = with_folder_findings(report, cohort)
    films = cohort.select().merge(features.drop(columns="signature"), on="content_hash", how="left")
    return Dataset(cohort.root, cohort.fingerprint, indexing.summarise(cohort), cohort.manifest, films, report, means)


def _audit_path(desk: Desk, cohort: Cohort) -> Path:
    """Return where the audit of just this manifest is kept: findings rest on more columns than the fingerprint has."""
    said = cohort.manifest.drop(columns="modified_ns").sort_values("file").to_json(orient="values")
    key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return desk.settings.caches / "audits" / f"{cohort.fingerprint[:32]}-{key}-{AUDIT_FORMAT}.json"


def _encode(report: AuditReport, means: dict[str, np.ndarray]) -> bytes:
    findings = [{**asdict(finding), "why": finding.why.stored()} for finding in report.findings]
    kept = {
        **asdict(report),
        "findings": findings,
        "means": {label: np.round(mean_SS, 4).tolist() for label, mean_SS in means.items()},
    }
    return json.dumps(kept, ensure_ascii=True).encode()


def _decode(text: str) -> tuple[AuditReport, dict[str, np.ndarray]]:
    kept = json.loads(text)
    findings = tuple(
        Finding(
            **{
                **finding,
                "severity": Severity(finding["severity"]),
                "why": recalled(finding["why"]),
                "groups": tuple(tuple(group) for group in finding["groups"]),
            }
        )
        for finding in kept["findings"]
    )
    report = AuditReport(
        findings,
        tuple(Shortcut(**shortcut) for shortcut in kept["shortcuts"]),
        tuple(Shift(**shift) for shift in kept["shifts"]),
    )
    return report, {label: np.array(mean) for label, mean in kept["means"].items()}
