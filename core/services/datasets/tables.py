"""The tables of a dataset, the same for its page and its data card."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.dataset.audit.findings import Finding
from core.dataset.audit.shift import Shift
from core.evaluation.proportions import say_fraction
from core.language import mark, tr, tr_n
from core.services.datasets.splits import FOLDS, SplitSummary

NUM_SAMPLES = 8
MOST_FILES_LISTED = 500
SIZES = {
    mark("any size"): (0, 10**9),
    mark("under 300 pixels"): (0, 300),
    mark("300 to 1,000"): (300, 1000),
    mark("over 1,000"): (1000, 10**9),
}
ANY = mark("all")
NO_SPLIT, NO_LABEL, NO_SUBTYPE = mark("no split"), mark("no label"), mark("unknown")
COLUMNS = {
    "group": mark("group"),
    "file": mark("file"),
    "class": mark("class"),
    "train": mark("train"),
    "test": mark("test"),
    "auc": mark("AUC"),
    "name": mark("name"),
    "validation": mark("validation"),
    "calibration": mark("calibration"),
    "holdout": mark("internal test"),
    "seed": mark("seed"),
    "fingerprint": mark("fingerprint"),
    "reader": mark("saved by"),
    "created_at": mark("saved"),
    "split": mark("split"),
    "fold": mark("fold"),
    "subtype": mark("subtype"),
    "films": mark("images"),
    "patients": mark("patients"),
    "total": mark("total"),
    "images of unknown patients": mark("images of unknown patients"),
    "ratio": mark("pneumonia : normal"),
    "mode": mark("colour mode"),
    "bit_depth": mark("bits per pixel"),
    "property": mark("property"),
}
"""What the columns are called where they are shown; those of classes have the classes' names."""


@dataclass(frozen=True)
class SampleFilter:
    """Of which images a sample is drawn; `all` takes every one."""

    label: str = ANY
    split: str = ANY
    subtype: str = ANY
    size: str = next(iter(SIZES))


def named(films: pd.DataFrame) -> pd.DataFrame:
    """Return images with words where split, label or subtype are not known, and their width by height."""
    return films.assign(
        split=films["split"].fillna(NO_SPLIT),
        label=films["label"].fillna(NO_LABEL),
        subtype=films["subtype"].fillna(NO_SUBTYPE),
        aspect=films["width"] / films["height"].clip(lower=1),
    )


def sample(films: pd.DataFrame, wanted: SampleFilter, draw: int) -> pd.DataFrame:
    """Return at most eight named images that match; each `draw` gives others."""
    for column in ("label", "split", "subtype"):
        choice = getattr(wanted, column)
        if choice != ANY:
            films = films[films[column] == choice]
    shorter = films[["width", "height"]].min(axis=1)
    low, high = SIZES[wanted.size]
    films = films[(shorter >= low) & (shorter < high)]
    return films.sample(min(NUM_SAMPLES, len(films)), random_state=draw)


def sample_in_words(row: Any) -> str:
    """Return what is known of a sample's row: class, split, and size in pixels."""
    return tr(
        "{image_class}, {split}, {width} × {height}",
        image_class=tr(row.label),
        split=tr(row.split),
        width=row.width,
        height=row.height,
    )


def count_of_severity(severity: str, count: int) -> str:
    """Return how many findings of a severity there are."""
    forms = {
        "problem": tr_n("{n} problem", "{n} problems", count),
        "warning": tr_n("{n} warning", "{n} warnings", count),
        "note": tr_n("{n} note", "{n} notes", count),
    }
    return forms[severity]


def film_counts(films: pd.DataFrame) -> pd.DataFrame:
    """Return the images of each split and class, in columns `split`, `label`, `films`."""
    return films.groupby(["split", "label"]).size().rename("films").reset_index()


def ratio_table(films: pd.DataFrame) -> pd.DataFrame:
    """Return images by split and class with their sum and, where both classes are there, their ratio."""
    table = pd.crosstab(films["split"], films["label"])
    table.columns.name = None
    classes = list(table.columns)
    table["total"] = table.sum(axis=1)
    if {"normal", "pneumonia"} <= set(classes):
        ratio = table["pneumonia"] / table["normal"].where(table["normal"] > 0)
        table["ratio"] = ratio.map(lambda value: "–" if pd.isna(value) else f"{value:.2f} : 1")
    return table


def subtype_table(films: pd.DataFrame) -> pd.DataFrame:
    """Return images and patients of each subtype."""
    return films.groupby("subtype").agg(films=("file", "size"), patients=("patient", "nunique"))


def films_per_patient(films: pd.DataFrame) -> pd.DataFrame:
    """Return how many images each patient has, in columns `label`, `patient`, `films`."""
    return films.groupby(["label", "patient"]).size().rename("films").reset_index()


def colour_mode_table(films: pd.DataFrame) -> pd.DataFrame:
    """Return how many images are stored in each colour mode, by class."""
    return _crossed(films, "mode")


def bit_depth_table(films: pd.DataFrame) -> pd.DataFrame:
    """Return how many images have so many bits for each pixel, by class."""
    known = films.dropna(subset="bit_depth")
    return _crossed(known.assign(bit_depth=known["bit_depth"].astype(int)), "bit_depth")


def rows_in_words(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their columns called as people call them, in the current language."""
    return [{_column(name): value for name, value in row.items()} for row in rows]


def frame_in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its columns and rows called as people call them, in the current language."""
    return frame.rename(columns=_column, index=_value).rename_axis(index=_column)


def _column(name: object) -> str:
    return _value(COLUMNS.get(str(name), name))


def _value(value: object) -> Any:
    return tr(value) if isinstance(value, str) else value


def _crossed(films: pd.DataFrame, column: str) -> pd.DataFrame:
    table = pd.crosstab(films[column], films["label"])
    table.columns.name = None
    return table


def finding_rows(finding: Finding) -> list[dict[str, Any]]:
    """Return the files of a finding with the number of the group they belong to; the first 500."""
    rows = ({"group": number, "file": file} for number, group in enumerate(finding.groups, start=1) for file in group)
    return [row for row, _ in zip(rows, range(MOST_FILES_LISTED), strict=False)]


def shift_rows(shifts: Sequence[Shift]) -> list[dict[str, Any]]:
    """Return one row a class that has images on both sides: how many, and how well they are distinguished."""
    return [
        {
            "class": one.label,
            "train": one.num_train,
            "test": one.num_test,
            "auc": tr("too few images") if one.auc is None else say_fraction(one.auc),
        }
        for one in shifts
        if one.num_train and one.num_test
    ]


def split_rows(splits: Sequence[SplitSummary]) -> list[dict[str, Any]]:
    """Return one row a saved split: the images of each fold, by whom and when it was saved."""
    return [
        {
            "name": saved.name,
            **{fold: sum(saved.counts.get(fold, {}).values()) for fold in FOLDS},
            "seed": saved.config.seed,
            "fingerprint": saved.fingerprint[:16],
            "reader": saved.reader or "",
            "created_at": f"{saved.created_at.astimezone():%Y-%m-%d %H:%M}",
        }
        for saved in splits
    ]
