"""Every kind of bad input ends in a finding that says how many, which files, how grave it is and what to do."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.dataset import manifest
from core.dataset.audit.findings import Finding, Severity
from core.dataset.audit.report import audit, with_folder_findings
from core.dataset.file_batches import map_in_batches
from core.dataset.film_features import measure_films
from core.dataset.manifest import Cohort
from core.errors import CohortError
from tests.unit.dataset.small_cohorts import index_cohort, write_film


def findings_of(cohort: Cohort) -> dict[str, Finding]:
    report = with_folder_findings(audit(cohort, measure_films(cohort)), cohort)
    return {finding.code: finding for finding in report.findings}


def write_wards(root: Path, num_normal: int = 12, num_pneumonia: int = 12) -> Path:
    """Write images of so many patients of each class, one image each."""
    for number in range(1, num_normal + 1):
        write_film(root / f"NORMAL/IM-{number:04}-0001.png", number)
    for number in range(1, num_pneumonia + 1):
        write_film(root / f"PNEUMONIA/person{number}_virus_{number}.png", 1000 + number)
    return root


def with_other_files(root: Path) -> None:
    for name in ("notes.txt", "NORMAL/films.zip", "NORMAL/no ending", "NORMAL/second.TXT"):
        (root / name).write_bytes(b"x")
    (root / ".hidden").write_bytes(b"x")


def with_folders_alike(root: Path) -> None:
    write_film(root / "normal/IM-0900-0001.png", 900)


def with_a_loop(root: Path) -> None:
    (root / "NORMAL/round").symlink_to(root)
    (root / "itself").symlink_to(root / "itself")


def with_broken_files(root: Path) -> None:
    (root / "NORMAL/text.jpg").write_text("no picture")
    (root / "NORMAL/gone.png").symlink_to(root / "nowhere.png")
    (root / "PNEUMONIA/empty.png").touch()


def with_a_table_that_does_not_fit(root: Path) -> None:
    rows = [f"NORMAL/{path.name},normal" for path in sorted((root / "NORMAL").iterdir())]
    rows += ["PNEUMONIA/lost.png,pneumonia", "PNEUMONIA/person1_virus_1.png,covid"]
    (root / "metadata.csv").write_text("file,label\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (with_other_files, {"other_files": (Severity.NOTE, 4, "no ending")}),
        (with_folders_alike, {"folders_alike": (Severity.WARNING, 13, "NORMAL and normal")}),
        (with_a_loop, {"cut_links": (Severity.NOTE, 2, "in a circle")}),
        (
            with_broken_files,
            {
                "file_not_a_picture": (Severity.WARNING, 1, "cannot be read"),
                "file_empty_file": (Severity.WARNING, 1, "cannot be read"),
                "file_missing_file": (Severity.WARNING, 1, "is not there"),
            },
        ),
        (
            with_a_table_that_does_not_fit,
            {
                "file_not_in_metadata": (Severity.WARNING, 11, "have no row"),
                "file_missing_file": (Severity.WARNING, 1, "is not there"),
                "file_unknown_label": (Severity.WARNING, 1, "label other than"),
                "one_class": (Severity.PROBLEM, 0, "12 labelled images are normal"),
            },
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_with_a_folder_is_found(
    tmp_path: Path, spoil: Callable[[Path], None], expected: dict[str, tuple[Severity, int, str]]
) -> None:
    """Each fault has its finding, with its gravity, its files and what to do; the images beside it are read."""
    root = write_wards(tmp_path / "films")
    clean = findings_of(index_cohort(root))
    spoil(root)
    found = findings_of(index_cohort(root))
    assert set(found) - set(clean) == set(expected)
    for code, (severity, num_files, words) in expected.items():
        finding = found[code]
        assert (finding.severity, finding.num_files) == (severity, num_files), code
        assert words in finding.sentence, finding.sentence
        assert finding.advice.endswith(".")


def test_one_class_and_a_class_of_one_patient_are_named(tmp_path: Path) -> None:
    """A folder of one class is a problem; so is a class of one patient, whose images are named together."""
    one_class = findings_of(index_cohort(write_wards(tmp_path / "one", num_pneumonia=0)))
    assert one_class["one_class"].severity is Severity.PROBLEM
    write_wards(tmp_path / "few", num_pneumonia=0)
    for number in (1, 2):
        write_film(tmp_path / f"few/PNEUMONIA/person7_virus_{number}.jpeg", number + 500)
    few = findings_of(index_cohort(tmp_path / "few"))["few_patients"]
    assert few.groups == (("PNEUMONIA/person7_virus_1.jpeg", "PNEUMONIA/person7_virus_2.jpeg"),)
    assert "1 patient of class pneumonia" in few.sentence and few.severity is Severity.PROBLEM


def test_a_class_that_only_the_test_folder_has_is_too_few_to_train_on(tmp_path: Path) -> None:
    """A class with no image outside the test folder is said to have no patient there."""
    write_wards(tmp_path / "train", num_pneumonia=0)
    write_wards(tmp_path / "test")
    assert "0 patients of class pneumonia" in findings_of(index_cohort(tmp_path))["few_patients"].sentence


def test_a_name_of_one_class_under_the_other_is_found(tmp_path: Path) -> None:
    """An image that is named as pneumonia and lies below NORMAL is a conflict of labels, and is named."""
    root = write_wards(tmp_path)
    write_film(root / "NORMAL/person70_virus_1.jpeg", 70)
    finding = findings_of(index_cohort(root))["labels_against_names"]
    assert (finding.severity, finding.files) == (Severity.PROBLEM, ("NORMAL/person70_virus_1.jpeg",))


@pytest.mark.parametrize("how", ["all files", "the folder"])
def test_a_path_that_vanishes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Whatever went away after it was listed is named as vanished, and the audit of nothing ends in findings."""
    root = write_wards(tmp_path / "films", 2, 1)

    def vanishing(*arguments: object) -> object:
        shutil.rmtree(root)
        if how == "all files":
            root.mkdir()
        return map_in_batches(*arguments)

    monkeypatch.setattr(manifest, "map_in_batches", vanishing)
    found = findings_of(index_cohort(root))
    assert found["file_vanished"].num_files == 3 and "index again" in found["file_vanished"].sentence
    assert "no_labels" in found


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    """It ends in a sentence that counts the other files and says what a dataset looks like."""
    (tmp_path / "films.zip").write_bytes(b"x")
    with pytest.raises(CohortError, match=r"no pictures, only 1 other file \(\.zip\)\. Expected images below"):
        index_cohort(tmp_path)


def test_other_files_leave_the_fingerprint_alone(tmp_path: Path) -> None:
    """A note put beside the images changes what is found, not which images these are."""
    root = write_wards(tmp_path / "films", 2, 2)
    before = index_cohort(root)
    with_other_files(root)
    after = index_cohort(root)
    assert after.fingerprint == before.fingerprint
    assert after.oddities.other_files and not before.oddities.other_files


def test_folders_alike_are_named_from_the_outermost_on(tmp_path: Path) -> None:
    """Two ways to write one folder are one finding, not one for each folder within."""
    for name in ("Train/NORMAL", "TRAIN/normal", "train/Normal"):
        write_film(tmp_path / name / f"{name[:3]}.png", len(name) * ord(name[1]))
    finding = findings_of(index_cohort(tmp_path))["folders_alike"]
    assert "TRAIN and Train and train" in finding.sentence
    assert len(finding.groups) == 1 and finding.num_files == 3


@pytest.mark.skipif(os.name != "posix", reason="file names of other systems are text")
def test_names_that_are_no_text_are_listed_as_text(tmp_path: Path) -> None:
    """Other files of undecodable names can be shown and written as JSON."""
    root = write_wards(tmp_path / "films", 1, 1)
    (root / os.fsdecode(b"\xff.txt")).write_bytes(b"x")
    (name,) = index_cohort(root).oddities.other_files
    assert name.encode().endswith(b".txt")
