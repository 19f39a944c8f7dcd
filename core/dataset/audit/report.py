"""The audit of a dataset: everything that decides what results on it are worth."""

from dataclasses import dataclass, replace

import pandas as pd

from core.dataset.audit.duplicates import find_duplicates
from core.dataset.audit.findings import Finding, Severity
from core.dataset.audit.folders import find_folder_oddities
from core.dataset.audit.folds import find_split_problems
from core.dataset.audit.odd_files import find_odd_films, find_unusable_files
from core.dataset.audit.shift import Shift, measure_shift, shift_findings
from core.dataset.audit.shortcuts import Shortcut, measure_shortcuts, shortcut_findings
from core.dataset.manifest import Cohort

_ORDER = {Severity.PROBLEM: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True)
class AuditReport:
    """What an audit found, the gravest first, and the measures behind it."""

    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    shifts: tuple[Shift, ...]


def audit(cohort: Cohort, features: pd.DataFrame) -> AuditReport:
    """Audit a dataset by its manifest and its images' features (see `measure_films`)."""
    films = cohort.select()
    shortcuts = measure_shortcuts(films, features)
    shifts = measure_shift(films, features)
    findings = [
        *find_duplicates(films, features),
        *find_split_problems(films),
        *shortcut_findings(shortcuts),
        *shift_findings(shifts),
        *find_unusable_files(cohort.manifest),
        *find_odd_films(films),
    ]
    return AuditReport(_gravest_first(findings), tuple(shortcuts), tuple(shifts))


def with_folder_findings(report: AuditReport, cohort: Cohort) -> AuditReport:
    """Return an audit with what its folder holds besides images, which no fingerprint of images can tell."""
    return replace(report, findings=_gravest_first([*report.findings, *find_folder_oddities(cohort)]))


def _gravest_first(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
