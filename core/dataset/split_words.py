"""What folders and tables call the splits of a dataset: one vocabulary, for folders and tables alike."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

LABELS = {"normal": "normal", "pneumonia": "pneumonia"}
_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development", "tuning"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "heldout", "eval", "evaluation"), "test"),
}
_OUTSIDE = {"external", "ext", "outside"}
"""Beside validation too they mean images of elsewhere, that no choice is made on."""
_QUALIFIERS = {
    *(
        "internal",
        "int",
        "final",
        "set",
        "split",
        "fold",
        "folder",
        "data",
        "dataset",
        "images",
        "image",
        "imgs",
        "img",
    ),
    *("xray", "xrays", "films", "cxr", "files", "new", "part"),
}


def split_named(name: str) -> str | None:
    """Return train, val or test where a folder's name or a table's cell names it, None for any other.

    "hold-out", "external_test" and "valid images" do; "train_val" and "exclude" do not. External validation is a test.
    """
    words = re.sub(r"hold[\W_]+out|held[\W_]+out", "holdout", name.strip().lower())
    words = re.sub(r"(train|val|valid|test)set\b", r"\1 set", words)
    parts = [re.sub(r"(?<=[a-z])\d+$", "", part) for part in re.split(r"[\W_]+", words) if part]
    splits = {_WORDS[part] for part in parts if part in _WORDS}
    is_known = all(part in _WORDS or part in _OUTSIDE or part in _QUALIFIERS or part.isdigit() for part in parts)
    if not is_known or len(splits) != 1:
        return None
    (split,) = splits
    return "test" if split == "val" and _OUTSIDE & set(parts) else split


def split_of_folder(folder: str) -> str | None:
    """Return the split that the outermost of a path's folders names, None if none does."""
    return next(filter(None, map(split_named, folder.split("/"))), None)


def folders_beside_splits(folders: Iterable[str]) -> set[str]:
    """Return the folders that are beside one that names a split, and name neither a split nor a label themselves.

    What they are meant for cannot be known: an "exclude" beside train and test is hardly a part of train.
    """
    paths = {path for folder in folders for path in (PurePosixPath(folder), *PurePosixPath(folder).parents)}
    paths -= {PurePosixPath()}
    beside = {path.parent for path in paths if split_named(path.name)}
    return {
        str(path)
        for path in paths
        if path.parent in beside and not split_named(path.name) and path.name.lower() not in LABELS
    }
