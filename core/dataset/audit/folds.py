"""Whether a dataset's splits, classes and patients can carry what is asked of them."""

import pandas as pd

from core.dataset.audit.findings import Finding, Severity, each_alone
from core.dataset.manifest import is_patient_unknown

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
        "No image has a label",
        "No readable image has a label, so nothing can be trained or evaluated on this folder.",
        "Put images below NORMAL and PNEUMONIA, or bring a metadata.csv with the columns file and label.",
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
            "Only one class",
            f"All {len(films):,} labelled images are {labels[0]}.",
            f"Add images of the class {other}: a model needs both.",
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
            "Name and label disagree",
            f"{len(conflicting):,} images have the name of one class and the label of the other.",
            "Look at them, and move each to its class's folder or correct its row in the metadata.",
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
            "Patients on both sides of a split",
            f"{len(groups):,} patients have images in more than one split: results on the other side are too good.",
            "Train on a split saved here: it never divides a patient.",
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
            "Patients are not known",
            f"Of {len(unknown):,} of {len(films):,} images nothing says the patient: no metadata.csv, no patient "
            "number "
            "in the file, no known naming scheme. Each counts as a patient of its own, so that images of one patient "
            "may be on both sides of a split and results too good.",
            "Bring a metadata.csv with the columns file, label and patient_id.",
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
            "The validation folder is too small",
            f"It has {len(validation):,} images: one image is worth {100 / len(validation):.1f} points of accuracy, so "
            "that choosing an epoch or a threshold on it is chance.",
            "Train on a split saved here: it joins these images to the training images and carves by patient.",
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
    named = " and ".join(f"{count} patient{'' if count == 1 else 's'} of class {label}" for label, count in few.items())
    by_patient = outside[outside["label"].isin(few)].groupby("patient")["file"]
    return [
        Finding(
            "few_patients",
            Severity.PROBLEM,
            "Too few patients to train on",
            f"Outside the test folder there is no more than {named}: no fold can be evaluated on so few.",
            f"Add images until there are at least {FEWEST_PATIENTS_OF_A_CLASS} patients of each class.",
            tuple(sorted(tuple(sorted(files)) for _, files in by_patient)),
        )
    ]


def _imbalance(films: pd.DataFrame) -> list[Finding]:
    ratios = {}
    for split, rows in films.assign(split=films["split"].fillna("all")).groupby("split"):
        counts = rows["label"].value_counts()
        if len(counts) == 2 and counts.max() > MOST_IMBALANCE * counts.min():
            ratios[split] = f"{split} {counts.max() / counts.min():.2f} to 1 ({counts.idxmax()})"
    if not ratios:
        return []
    return [
        Finding(
            "imbalance",
            Severity.NOTE,
            "Classes of unequal size",
            f"The larger class outweighs the smaller one: {', '.join(ratios.values())}.",
            "Balanced sampling or class weights are among the training options; evaluate by sensitivity and "
            "specificity.",
        )
    ]


def _missing_subtypes(films: pd.DataFrame) -> list[Finding]:
    subtypes = set(films["subtype"].dropna())
    missing = [
        f"{split} has no {subtype} image"
        for split, rows in films[films["split"].notna()].groupby("split")
        for subtype in sorted(subtypes - set(rows["subtype"].dropna()))
    ]
    if not missing:
        return []
    return [
        Finding(
            "subtype_missing",
            Severity.WARNING,
            "A subtype is missing from a split",
            f"{'; '.join(missing)}: what is measured there says nothing about it.",
            "Train on a split saved here (it keeps the subtypes' shares), or state this beside the results.",
        )
    ]
