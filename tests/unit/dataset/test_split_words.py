"""One vocabulary of splits for folders and tables; what it does not know is never trained on."""

from pathlib import Path

import pytest

from core.dataset.audit.odd_files import find_unusable_files
from core.dataset.manifest import Cohort
from core.dataset.split_words import split_named
from core.dataset.splitting import SplitConfig, propose_split
from core.errors import CohortError
from tests.unit.dataset.small_cohorts import index_cohort, problems, write_film, write_patients

KNOWN = {
    **dict.fromkeys(("train", "Training", "TRAIN_SET", "trainset", "train images", "train1", "train_2"), "train"),
    **dict.fromkeys(("val", "valid", "Validation", "dev", "valid-images", "validation2"), "val"),
    **dict.fromkeys(
        ("test", "testing", "holdout", "hold-out", "Held Out", "internal_test", "test_set", "eval"), "test"
    ),
    **dict.fromkeys(("external_test", "ext-test", "External Validation", "external_val", "testset"), "test"),
}
UNKNOWN = ("", "exclude", "train_val", "train_test", "hospital_a", "testament", "trainer", "2024", "images", "external")


@pytest.mark.parametrize("name", KNOWN)
def test_usual_names_of_splits_are_understood(name: str) -> None:
    """Each has the split that a reader would take it for."""
    assert split_named(name) == KNOWN[name]


@pytest.mark.parametrize("name", UNKNOWN)
def test_other_names_are_no_split(name: str) -> None:
    """Words that say two splits, none, or only begin as one say nothing."""
    assert split_named(name) is None


def by_folders(root: Path, name: str) -> Cohort:
    write_patients(root)
    for number in range(1, 6):
        write_film(root / name / f"NORMAL/IM-{900 + number}-0001.png", 900 + number)
    write_film(root / "test/NORMAL/IM-0999-0001.png", 999)
    return index_cohort(root)


def by_table(root: Path, name: str) -> Cohort:
    rows = ["file,label,patient_id,split", "c.png,normal,z,test"]
    write_film(root / "c.png", 999)
    for number in range(1, 21):
        for label, seed in (("normal", number), ("pneumonia", 100 + number)):
            write_film(root / f"{label}{number}.png", seed)
            rows.append(f"{label}{number}.png,{label},{label}{number},train")
    for number in range(1, 6):
        write_film(root / f"x{number}.png", 900 + number)
        rows.append(f"x{number}.png,normal,x{number},{name}")
    (root / "metadata.csv").write_text("\n".join(rows))
    return index_cohort(root)


@pytest.mark.parametrize("layout", [by_folders, by_table])
@pytest.mark.parametrize("name", ["holdout", "external_test", "exclude", "train_val"])
def test_only_known_training_splits_are_trained_on(layout, name: str, tmp_path: Path) -> None:
    """A test by another name and an unknown word are not in any fold, by folders and by a table; the second is said."""
    cohort = layout(tmp_path, name)
    outside = {file for file in cohort.manifest["file"] if file.startswith((f"{name}/", "x"))}
    assert len(outside) == 5
    assert not outside & set(propose_split(cohort, SplitConfig()).assignments.index)
    if split_named(name):
        assert problems(cohort) == {} and set(cohort.select("test")["file"]) > outside
    else:
        assert problems(cohort) == dict.fromkeys(outside, "unknown_split")
        (finding,) = find_unusable_files(cohort.manifest)
        assert finding.code == "file_unknown_split" and set(finding.files) == outside
        assert "trained on by nobody" in finding.sentence


def test_a_validation_folder_by_another_name_joins_the_training_films(tmp_path: Path) -> None:
    """`valid` is the validation folder, which is split again with the training images."""
    cohort = by_folders(tmp_path, "valid")
    assert len(cohort.select("val")) == 5 and problems(cohort) == {}
    assert len(propose_split(cohort, SplitConfig()).assignments) == 45


def test_folders_that_name_no_split_are_no_finding_where_no_other_does(tmp_path: Path) -> None:
    """Hospitals and years beside one another, within train or around it stay what they were."""
    for seed, name in enumerate(("a/NORMAL", "b/NORMAL", "NORMAL")):
        write_film(tmp_path / "plain" / name / "x.png", seed)
    assert problems(index_cohort(tmp_path / "plain")) == {}
    for seed, name in enumerate(("2023/train/NORMAL", "2024/train/NORMAL", "2024/test/hospital/NORMAL", "NORMAL")):
        write_film(tmp_path / "around" / name / "x.png", seed)
    cohort = index_cohort(tmp_path / "around")
    assert problems(cohort) == {} and len(cohort.select("train")) == 2


def test_a_dataset_of_unknown_splits_alone_beside_a_test_cannot_be_split(tmp_path: Path) -> None:
    """Nothing is left to train on, and that is said."""
    write_film(tmp_path / "fold_a/NORMAL/a.png", 1)
    write_film(tmp_path / "test/NORMAL/b.png", 2)
    with pytest.raises(CohortError, match="no labelled training images"):
        propose_split(index_cohort(tmp_path), SplitConfig())
