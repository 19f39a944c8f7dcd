"""Whether a dataset's splits, classes and patients can carry what is asked of them."""

import pandas as pd

from core.dataset.audit.findings import Finding, Severity, each_alone
from core.dataset.manifest import is_patient_unknown
from core.dataset_reasons import (
    FewPatients,
    Imbalance,
    LabelsAgainstNames,
    NoLabels,
    OneClass,
    PatientsAcrossSplits,
    SubtypeMissing,
    UnknownPatients,
    ValidationTooSmall,
)

FEWEST_VALIDATION_FILMS = 200
"""Below this the 95 % interval of an accuracy near 0.95 is wider than 6 points (Wilson)."""
FEWEST_PATIENTS_OF_A_CLASS = 10
MOST_IMBALANCE = 1.5


def find_split_problems(films: pd.DataFrame) -> list[Finding]:
    """Return findings about labels, balance, patients and the sizes of splits; `films` are the readable rows."""
    labelled = films[films["label"].notna()]
    if labelled.empty:
        return [_no_labels()]
    return [
        *_one_class(labelled),
        *_labels_against_names(labelled),
        *_patients_across_splits(labelled),
        *_unknown_patients(labelled),
        *_small_validation(labelled),
        *_few_patients(labelled),
        *_imbalance(labelled),
        *_missing_subtypes(labelled),
    ]


def _no_labels() -> Finding:
    return Finding(
        "no_labels",
        Severity.PROBLEM,
        NoLabels(),
    )


def _one_class(films: pd.DataFrame) -> list[Finding]:
    labels = sorted(films["label"].unique())
    if len(labels) > 1:
        return []
    other = "pneumonia" if labels == ["normal"] else "normal"
    return [
        Finding(
            "one_class",
            Severity.PROBLEM,
            OneClass(len(films), labels[0], other),
        )
    ]


def _labels_against_names(films: pd.DataFrame) -> list[Finding]:
    """Names of the standard dataset tell an image's subtype, and so its class."""
    named = films[films["subtype"].notna()]
    conflicting = named[(named["subtype"] == "normal") != (named["label"] == "normal")]
    if conflicting.empty:
        return []
    return [
        Finding(
            "labels_against_names",
            Severity.PROBLEM,
            LabelsAgainstNames(len(conflicting)),
            each_alone(conflicting["file"].tolist()),
        )
    ]


def _patients_across_splits(films: pd.DataFrame) -> list[Finding]:
    split = films["split"].fillna("none")
    by_patient = films.assign(split=split).groupby("patient")
    crossing = by_patient["split"].nunique()
    groups = tuple(
        tuple(sorted(by_patient.get_group(patient)["file"])) for patient in crossing.index[crossing > 1].tolist()
    )
    if not groups:
        return []
    return [
        Finding(
            "patients_across_splits",
            Severity.PROBLEM,
            PatientsAcrossSplits(len(groups)),
            groups,
        )
    ]


def _unknown_patients(films: pd.DataFrame) -> list[Finding]:
    unknown = films[is_patient_unknown(films)]
    if unknown.empty:
        return []
    return [
        Finding(
            "unknown_patients",
            Severity.WARNING,
            UnknownPatients(len(unknown), len(films)),
            each_alone(unknown["file"].tolist()),
        )
    ]


def _small_validation(films: pd.DataFrame) -> list[Finding]:
    validation = films[films["split"] == "val"]
    if validation.empty or len(validation) >= FEWEST_VALIDATION_FILMS:
        return []
    return [
        Finding(
            "validation_too_small",
            Severity.WARNING,
            ValidationTooSmall(len(validation), round(100 / len(validation), 4)),
            tuple((file,) for file in sorted(validation["file"])),
        )
    ]


def _few_patients(films: pd.DataFrame) -> list[Finding]:
    outside = films[films["split"] != "test"]
    counts = outside.groupby("label")["patient"].nunique()
    few = {label: int(counts.get(label, 0)) for label in sorted(films["label"].unique())}
    few = {label: count for label, count in few.items() if count < FEWEST_PATIENTS_OF_A_CLASS}
    if not few:
        return []
    by_patient = outside[outside["label"].isin(few)].groupby("patient")["file"]
    return [
        Finding(
            "few_patients",
            Severity.PROBLEM,
            FewPatients(list(few), list(few.values()), FEWEST_PATIENTS_OF_A_CLASS),
            tuple(sorted(tuple(sorted(files)) for _, files in by_patient)),
        )
    ]


def _imbalance(films: pd.DataFrame) -> list[Finding]:
    found: list[tuple[str, float, str]] = []
    for split, rows in films.assign(split=films["split"].fillna("all")).groupby("split"):
        counts = rows["label"].value_counts()
        if len(counts) == 2 and counts.max() > MOST_IMBALANCE * counts.min():
            found.append((str(split), round(float(counts.max() / counts.min()), 4), str(counts.idxmax())))
    if not found:
        return []
    splits, ratios, larger = zip(*found, strict=True)
    return [
        Finding(
            "imbalance",
            Severity.NOTE,
            Imbalance(list(splits), list(ratios), list(larger)),
        )
    ]


def _missing_subtypes(films: pd.DataFrame) -> list[Finding]:
    subtypes = set(films["subtype"].dropna())
    missing = [
        (str(split), str(subtype))
        for split, rows in films[films["split"].notna()].groupby("split")
        for subtype in sorted(subtypes - set(rows["subtype"].dropna()))
    ]
    if not missing:
        return []
    return [
        Finding(
            "subtype_missing",
            Severity.WARNING,
            SubtypeMissing([split for split, _ in missing], [subtype for _, subtype in missing]),
        )
    ]
