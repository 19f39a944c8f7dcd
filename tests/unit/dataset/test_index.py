"""Indexing: what a manifest says, what changes a fingerprint, what is read again."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.dataset.manifest import MANIFEST_COLUMNS, fingerprint_of
from core.dataset.store import load_or_index, manifest_path
from tests.unit.dataset.small_cohorts import cohort_of, index_cohort, problems, write_film, write_standard_cohort


@pytest.fixture
def standard(tmp_path: Path) -> Path:
    """The folder of a small dataset in the standard layout."""
    return write_standard_cohort(tmp_path / "standard")


def change_unseen(path: Path) -> str:
    """Change a file's content but neither its size nor its time; return the SHA-256 of what it held before."""
    before, status = path.read_bytes(), path.stat()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return hashlib.sha256(before).hexdigest()


def test_one_row_a_film(standard: Path) -> None:
    """Every column of an image's row holds what its place, its name and its content say."""
    path = standard / "train/PNEUMONIA/person5_virus_5.jpeg"
    cohort = index_cohort(standard)
    assert tuple(cohort.manifest.columns) == MANIFEST_COLUMNS
    assert cohort.manifest["file"].is_monotonic_increasing and len(cohort.manifest) == 14
    row = cohort.manifest.set_index("file").loc["train/PNEUMONIA/person5_virus_5.jpeg"].to_dict()
    assert row == {
        "label": "pneumonia",
        "split": "train",
        "patient": "viral-5",
        "file_patient": None,
        "subtype": "viral",
        "width": 24,
        "height": 24,
        "mode": "L",
        "num_bytes": path.stat().st_size,
        "modified_ns": path.stat().st_mtime_ns,
        "content_hash": hashlib.sha256(path.read_bytes()).hexdigest(),
        "problem": None,
    }
    assert (len(cohort.select()), len(cohort.select("train")), len(cohort.select("test"))) == (14, 12, 1)


def test_a_film_of_unknown_name_is_its_own_patient(tmp_path: Path) -> None:
    """Without a telling name the content stands for the patient, so that copies share one."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_film(tmp_path / f"NORMAL/{name}.png", seed)
    films = index_cohort(tmp_path).manifest
    assert films["patient"].tolist() == films["content_hash"].tolist()
    assert films["patient"][0] == films["patient"][1] != films["patient"][2]
    assert films["subtype"].tolist() == ["normal"] * 3 and films["split"].isna().all()


def test_size_and_mode_are_those_of_the_file(tmp_path: Path) -> None:
    """A large JPEG is decoded reduced, yet is in the manifest with the width, height and mode of the file."""
    (tmp_path / "PNEUMONIA").mkdir()
    Image.fromarray(np.full((600, 800, 3), 90, np.uint8)).save(tmp_path / "PNEUMONIA/wide.jpg")
    row = index_cohort(tmp_path).manifest.iloc[0]
    assert (row["width"], row["height"], row["mode"]) == (800, 600, "RGB")


def test_the_fingerprint_is_the_same_elsewhere(standard: Path, tmp_path: Path) -> None:
    """A copy below another root with other times has the same fingerprint, in whatever order its rows stand."""
    cohort = index_cohort(standard)
    copy = index_cohort(Path(shutil.copytree(standard, tmp_path / "elsewhere/cohort", copy_function=shutil.copyfile)))
    assert copy.root != cohort.root and copy.fingerprint == cohort.fingerprint
    shuffled = cohort.manifest.sample(frac=1, random_state=3)
    assert shuffled["file"].tolist() != cohort.manifest["file"].tolist()
    assert fingerprint_of(shuffled) == cohort.fingerprint


@pytest.mark.parametrize("column", ["file", "label", "split", "patient", "content_hash"])
def test_what_changes_the_fingerprint(column: str) -> None:
    """One other name, label, split, patient or content gives another fingerprint; a size in bytes does not."""
    rows: list[dict[str, str | None]] = [{"file": "a.png", "split": "train"}, {"file": "b.png", "split": "train"}]
    cohort = cohort_of(rows)
    changed = cohort.manifest.copy()
    changed.loc[1, column] = None if column == "split" else "other"
    assert fingerprint_of(changed) != cohort.fingerprint
    assert fingerprint_of(cohort.manifest.assign(num_bytes=1, modified_ns=1, width=1)) == cohort.fingerprint


def test_the_fingerprint_cannot_be_forged_by_odd_names() -> None:
    """Tabs, line ends, backslashes and the word None in a value are distinguished from what they look like."""
    patients = ["a\tb", "a\\tb", "a\nb", "a\\nb", "\\a", "a", "None", None]
    prints = {
        fingerprint_of(cohort_of([{"file": "x.png", "patient": patient, "content_hash": "c"}]).manifest)
        for patient in patients
    }
    assert len(prints) == len(patients)


def test_the_fingerprint_by_hand() -> None:
    """For plain values the fingerprint is SHA-256 over the sorted lines, values parted by tabs."""
    rows: list[dict[str, str | None]] = [
        {"file": "b.png", "label": "normal", "split": None, "patient": "p", "content_hash": "2"},
        {"file": "a.png", "label": "pneumonia", "split": "test", "patient": "q", "content_hash": "1"},
    ]
    lines = b"a.png\tpneumonia\ttest\tq\t1\nb.png\tnormal\tNone\tp\t2"
    assert cohort_of(rows).fingerprint == hashlib.sha256(lines).hexdigest()


def test_only_changed_files_are_read_again(standard: Path, tmp_path: Path) -> None:
    """At the second visit a new and a changed file are read, a removed one is gone, and no other file is opened."""
    first = load_or_index(standard, tmp_path / "caches")
    untouched = "train/NORMAL/IM-0001-0001.jpeg"
    old_hash = change_unseen(standard / untouched)
    write_film(standard / "train/NORMAL/IM-0002-0001.jpeg", 900, side=32)
    write_film(standard / "train/NORMAL/IM-0090-0001.jpeg", 901)
    (standard / "train/NORMAL/IM-0003-0001.jpeg").unlink()
    steps: list[tuple[int, int]] = []
    second = load_or_index(standard, tmp_path / "caches", progress=lambda *step: steps.append(step))
    assert steps == [(2, 2)]
    rows = second.manifest.set_index("file")
    assert rows.loc[untouched, "content_hash"] == old_hash
    assert rows.loc["train/NORMAL/IM-0002-0001.jpeg", "width"] == 32
    assert "train/NORMAL/IM-0090-0001.jpeg" in rows.index and "train/NORMAL/IM-0003-0001.jpeg" not in rows.index
    assert second.fingerprint != first.fingerprint


def test_an_unchanged_cohort_is_as_it_was(standard: Path, tmp_path: Path) -> None:
    """The kept manifest equals the first one in every value and type, without one file being opened."""
    (standard / "train/NORMAL/broken.jpeg").write_bytes(b"no picture")
    first = load_or_index(standard, tmp_path / "caches")
    change_unseen(standard / "train/NORMAL/IM-0001-0001.jpeg")
    steps: list[tuple[int, int]] = []
    second = load_or_index(standard, tmp_path / "caches", progress=lambda *step: steps.append(step))
    pd.testing.assert_frame_equal(first.manifest, second.manifest)
    assert (second.fingerprint, second.root, steps) == (first.fingerprint, first.root, [])
    assert problems(second) == {"train/NORMAL/broken.jpeg": "not_a_picture"}
    assert index_cohort(standard, previous=second.manifest).fingerprint == first.fingerprint


def test_a_moved_film_gets_its_new_label(standard: Path, tmp_path: Path) -> None:
    """A file moved to the other class is taken as what its new folder says."""
    load_or_index(standard, tmp_path / "caches")
    shutil.move(standard / "train/NORMAL/IM-0001-0001.jpeg", standard / "train/PNEUMONIA/IM-0001-0001.jpeg")
    films = load_or_index(standard, tmp_path / "caches").manifest.set_index("file")
    assert films.loc["train/PNEUMONIA/IM-0001-0001.jpeg", "label"] == "pneumonia"


@pytest.mark.parametrize("damage", ["cut", "text", "foreign", "folder"])
def test_a_damaged_kept_manifest_is_made_again(standard: Path, tmp_path: Path, damage: str) -> None:
    """A kept manifest that is cut short, of another kind or in the way changes nothing in the result."""
    first = load_or_index(standard, tmp_path / "caches")
    path = manifest_path(standard, tmp_path / "caches")
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("no table")
    elif damage == "foreign":
        pd.DataFrame({"file": ["a"], "label": [3]}).to_parquet(path)
    else:
        path.mkdir()
    again = load_or_index(standard, tmp_path / "caches")
    pd.testing.assert_frame_equal(first.manifest, again.manifest)


def test_roots_do_not_share_what_is_kept(standard: Path, tmp_path: Path) -> None:
    """Two folders are kept apart; a link to a folder is that folder."""
    (tmp_path / "link").symlink_to(standard)
    assert manifest_path(standard, tmp_path) == manifest_path(tmp_path / "link", tmp_path)
    assert manifest_path(standard, tmp_path) != manifest_path(standard / "train", tmp_path)


def test_the_standard_films(real_data: Path, tmp_path: Path) -> None:
    """The standard dataset has the counts of images, and the exact copies, that are known of it."""
    cohort = load_or_index(real_data / "chest_xray", tmp_path)
    assert problems(cohort) == {}
    counts = cohort.manifest.groupby(["split", "label"]).size().to_dict()
    assert counts == {
        ("train", "normal"): 1341,
        ("train", "pneumonia"): 3875,
        ("val", "normal"): 8,
        ("val", "pneumonia"): 8,
        ("test", "normal"): 117,
        ("test", "pneumonia"): 197,
    }
    train = cohort.select("train")
    assert train["subtype"].value_counts().to_dict() == {"bacterial": 2530, "viral": 1345, "normal": 1341}
    copies = cohort.manifest[cohort.manifest["content_hash"].duplicated(keep=False)].groupby("content_hash")
    assert copies.ngroups == 29 and copies.size().value_counts().to_dict() == {2: 27, 3: 2}
    assert (copies["split"].nunique() == 1).all() and (copies["label"].nunique() == 1).all()
    assert copies["split"].first().value_counts().to_dict() == {"train": 24, "test": 5}
    two_ids = copies["patient"].unique()[copies["patient"].nunique() > 1]
    assert [sorted(patients) for patients in two_ids] == [["NORMAL2-IM-95", "NORMAL2-IM-96"]]
    again = load_or_index(real_data / "chest_xray", tmp_path)
    pd.testing.assert_frame_equal(again.manifest, cohort.manifest)
