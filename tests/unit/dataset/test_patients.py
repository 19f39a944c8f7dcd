"""Who is on an image: told by a table, the file or its name, never kept plain, and said where nothing shows it."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.dataset.audit.folds import find_split_problems
from core.dataset.layout import list_films
from core.dataset.manifest import Cohort, index_listing
from core.dataset.naming import patient_of_name
from core.dataset.splitting import SplitConfig, propose_split
from core.dataset.store import load_or_index
from core.radiograph.phantom import synthesise_phantom
from tests.dicom_files import dicom_of
from tests.unit.dataset.small_cohorts import index_cohort, write_film

NUM_PATIENTS = 24


@pytest.mark.parametrize(
    ("file", "patient"),
    [
        ("00001280_004.png", "NIH-1280"),
        ("images_003/images/00001280_017.jpg", "NIH-1280"),
        ("train/patient64540/study1/view1_frontal.jpg", "CheXpert-64540"),
        ("files/p10/p10000032/s50414267/02aa804e-bde0afdd.jpg", "MIMIC-10000032"),
        ("MCUCXR_0001_0.png", "Montgomery-1"),
        ("a/CHNCXR_0327_1.png", "Shenzhen-327"),
        ("train/NORMAL/IM-0115-0001.jpeg", "IM-115"),
        ("20240301_001.png", None),
        ("0001280_004.png", None),
        ("patient1.png", None),
        ("film.dcm", None),
    ],
)
def test_names_that_say_the_patient(file: str, patient: str | None) -> None:
    """Files of public datasets say it by a scheme of their own; dates and plain numbers do not."""
    assert patient_of_name(file) == patient


def pseudonym(number: str) -> str:
    """Stands for any keyed hash: the same for one number, twelve letters long."""
    return f"patient-{hashlib.sha256(number.encode()).hexdigest()[:12]}"


def write_dicoms(root: Path, number_of: Callable[[int], str]) -> Path:
    """Write two images of each of 24 patients, with the number that the file states for the patient."""
    for patient in range(NUM_PATIENTS):
        folder = root / ("NORMAL" if patient % 2 else "PNEUMONIA")
        folder.mkdir(parents=True, exist_ok=True)
        for image in range(2):
            content = dicom_of(synthesise_phantom(2 * patient + image, size=64), PatientID=number_of(patient))
            (folder / f"{image}-{patient}.dcm").write_bytes(content)
    return root


def index(root: Path, by: Callable[[str], str] | None = pseudonym) -> Cohort:
    return index_listing(root, list_films(root), pseudonym=by)


def codes(cohort: Cohort) -> dict[str, str]:
    return {finding.code: finding.sentence for finding in find_split_problems(cohort.select())}


def patients_divided(cohort: Cohort) -> int:
    """Return how many patients, by the names of these files, have images in two folds."""
    folds: dict[str, set[str]] = {}
    split = propose_split(cohort, SplitConfig(validation_fraction=0.2, calibration_fraction=0.2))
    for file, fold in split.assignments.items():
        folds.setdefault(re.split(r"[-_.]", str(file))[1], set()).add(fold)
    return sum(len(found) > 1 for found in folds.values())


def test_images_of_one_dicom_patient_stay_together(tmp_path: Path) -> None:
    """The number in the file groups them; without it the same folder has patients on both sides, as was."""
    root = write_dicoms(tmp_path, lambda patient: f"SECRET-{patient}")
    cohort = index(root)
    assert cohort.manifest["patient"].nunique() == NUM_PATIENTS and patients_divided(cohort) == 0
    assert patients_divided(index(root, by=None)) > 0
    assert "unknown_patients" not in codes(cohort) and "unknown_patients" in codes(index(root, by=None))


def test_the_number_is_kept_nowhere(tmp_path: Path) -> None:
    """Only its pseudonym is in the manifest and in what is kept of it, and is still there at the next visit."""
    root = write_dicoms(tmp_path / "films", lambda patient: f"SECRET-{patient}")
    first = load_or_index(root, tmp_path / "caches", pseudonym=pseudonym)
    (root / "NORMAL" / "new.dcm").write_bytes(dicom_of(synthesise_phantom(99, size=64), PatientID="SECRET-1"))
    again = load_or_index(root, tmp_path / "caches", pseudonym=pseudonym)
    assert first.manifest["patient"].str.fullmatch(r"patient-[0-9a-f]{12}").all()
    assert again.manifest["patient"].nunique() == NUM_PATIENTS
    assert "SECRET" not in again.manifest.to_csv()
    kept = [path for path in (tmp_path / "caches").rglob("*") if path.is_file()]
    assert kept and not any(b"SECRET" in path.read_bytes() for path in kept)


def test_a_fingerprint_is_the_same_on_every_desk(tmp_path: Path) -> None:
    """Another key gives other pseudonyms and the same fingerprint; another grouping gives another one."""
    root = write_dicoms(tmp_path, lambda patient: f"P{patient}")
    elsewhere = index(root, by=lambda number: pseudonym(f"another key {number}"))
    assert set(elsewhere.manifest["patient"]).isdisjoint(index(root).manifest["patient"])
    assert elsewhere.fingerprint == index(root).fingerprint
    assert index(root, by=lambda number: f"patient-{len(number):012x}").fingerprint != elsewhere.fingerprint


@pytest.mark.parametrize("number", ["", "ANONYMOUS", "0000", "N/A", "anonymized"])
def test_a_number_that_all_share_says_nothing(number: str, tmp_path: Path) -> None:
    """Files that were made anonymous would all be one patient: their patients are unknown, and that is said."""
    cohort = index(write_dicoms(tmp_path, lambda patient: number))
    assert cohort.manifest["patient"].tolist() == cohort.manifest["content_hash"].tolist()
    assert "Of 48 of 48 images nothing says the patient" in codes(cohort)["unknown_patients"]


def test_a_table_counts_before_the_file_and_the_file_before_its_name(tmp_path: Path) -> None:
    """metadata.csv says it first, then the number in the file, then the name."""
    (tmp_path / "00001280_004.dcm").write_bytes(dicom_of(synthesise_phantom(1, size=64), PatientID="A"))
    (tmp_path / "00001280_005.dcm").write_bytes(dicom_of(synthesise_phantom(2, size=64), PatientID=None))
    (tmp_path / "00001280_006.dcm").write_bytes(dicom_of(synthesise_phantom(3, size=64), PatientID="A"))
    table = "file,label,patient_id\n00001280_004.dcm,normal,\n00001280_005.dcm,normal,\n00001280_006.dcm,normal,mine\n"
    (tmp_path / "metadata.csv").write_text(table)
    assert index(tmp_path).manifest["patient"].tolist() == [pseudonym("A"), "NIH-1280", "mine"]


def test_known_names_are_no_finding(tmp_path: Path) -> None:
    """The standard names and those of NIH say the patient; one other image is counted, named, and said."""
    for number in range(3):
        write_film(tmp_path / f"train/PNEUMONIA/person{number}_virus_1.jpeg", 400 + number)
        write_film(tmp_path / f"train/NORMAL/00001280_00{number}.png", 500 + number)
    assert "unknown_patients" not in codes(index_cohort(tmp_path))
    write_film(tmp_path / "train/NORMAL/other.png", 600)
    (finding,) = [
        finding
        for finding in find_split_problems(index_cohort(tmp_path).select())
        if finding.code == "unknown_patients"
    ]
    assert finding.files == ("train/NORMAL/other.png",) and finding.sentence.startswith("Of 1 of 7 images")
