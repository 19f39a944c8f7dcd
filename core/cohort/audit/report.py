"""The audit of a cohort: everything that decides what results on it are worth."""

from dataclasses import dataclass

import pandas as pd

from core.cohort.audit.duplicates import find_duplicates
from core.cohort.audit.findings import Finding, Severity
from core.cohort.audit.folds import find_split_problems
from core.cohort.audit.odd_files import find_odd_films, find_unusable_files
from core.cohort.audit.shift import Shift, measure_shift, shift_findings
from core.cohort.audit.shortcuts import Shortcut, measure_shortcuts, shortcut_findings
from core.cohort.manifest import Cohort

_ORDER = {Severity.PROBLEM: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True)
class AuditReport:
    """What an audit found, the gravest first, and the measures behind it."""

    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    shifts: tuple[Shift, ...]


def audit(cohort: Cohort, features: pd.DataFrame) -> AuditReport:
    """Audit a cohort by its manifest and its films' features (see `measure_films`)."""
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
    findings.sort(key=lambda finding: _ORDER[finding.severity])
    return AuditReport(tuple(findings), tuple(shortcuts), tuple(shifts))
