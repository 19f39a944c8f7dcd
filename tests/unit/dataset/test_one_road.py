"""Datasets and triage answer alike: files go by content, names by letters, and a nested copy is the same image."""

import shutil
import unicodedata
from pathlib import Path

import pytest

from core.dataset.audit.odd_files import find_unusable_files
from core.radiograph.phantom import synthesise_phantom
from core.triage.intake import gather
from tests.dicom_files import dataset_of, dicom_of, file_of
from tests.hostile_files import encoded
from tests.unit.dataset.small_cohorts import index_cohort, problems, write_film, write_patients, write_standard_cohort

FILM = synthesise_phantom(3, size=64)
FORMS = {
    "IM000001": lambda: dicom_of(FILM),
    "0001.IMA": lambda: dicom_of(FILM),
    "1.2.840.113619.2.5": lambda: dicom_of(FILM),
    "bare": lambda: file_of(dataset_of(FILM))[132:],
    "scan.jfif": lambda: encoded(FILM, "JPEG"),
    "no ending": lambda: encoded(FILM, "PNG"),
    "scan.tiff.bak": lambda: encoded(FILM, "TIFF"),
    "scan.webp_": lambda: encoded(FILM, "WEBP"),
    "scan.bitmap": lambda: encoded(FILM, "BMP"),
    "scan.g": lambda: encoded(FILM, "GIF"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_film_is_one_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    """Exports without endings, of Siemens and of browsers are indexed and usable, as triage reads them."""
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL" / name).write_bytes(FORMS[name]())
    cohort = index_cohort(tmp_path)
    assert cohort.select()["file"].tolist() == [f"NORMAL/{name}"] and not cohort.oddities.other_files
    limits = {"max_file_bytes": 10**8, "max_archive_bytes": 10**8}
    assert [candidate.name for candidate in gather([tmp_path], **limits)] == [f"NORMAL/{name}"]


def test_what_is_no_film_stays_another_file(tmp_path: Path) -> None:
    """Texts, zips, a list of a medium's files and words that begin as a bitmap does are passed over."""
    write_film(tmp_path / "NORMAL/a.png", 1)
    others = {
        "BMI table": b"BM index of all patients",
        "DICOMDIR": dicom_of(FILM),
        "notes.txt": b"text",
        "films.zip": b"PK\3\4",
        "empty": b"",
        "II": b"II",
    }
    for name, content in others.items():
        (tmp_path / "NORMAL" / name).write_bytes(content)
    cohort = index_cohort(tmp_path)
    assert set(cohort.oddities.other_files) == {f"NORMAL/{name}" for name in others} and problems(cohort) == {}


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")])
def test_names_meet_however_their_letters_are_written(on_disk: str, in_table: str, tmp_path: Path) -> None:
    """A table that was written on another system names the same files."""
    name = "März/Żółć é.png"
    write_film(tmp_path / unicodedata.normalize(on_disk, name), 1)
    table = f"file,label,patient_id\n{unicodedata.normalize(in_table, name)},normal,p\n"
    (tmp_path / "metadata.csv").write_text(table, encoding="utf-8")
    cohort = index_cohort(tmp_path)
    assert problems(cohort) == {} and cohort.select()["patient"].tolist() == ["p"]


def test_two_files_whose_names_differ_in_form_alone_are_not_taken_for_one_another(tmp_path: Path) -> None:
    """Where both are there, each has its own row or none."""
    composed, parted = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    write_film(tmp_path / composed, 1)
    write_film(tmp_path / parted, 2)
    (tmp_path / "metadata.csv").write_text(f"file,label,patient_id\n{parted},normal,p\n", encoding="utf-8")
    assert problems(index_cohort(tmp_path)) == {composed: "not_in_metadata"}


def test_nested_copies_are_counted_once(tmp_path: Path) -> None:
    """The whole dataset lies in a folder of itself, as Kaggle packs it: every image is there once, and that is said."""
    root = write_standard_cohort(tmp_path / "chest_xray")
    once = index_cohort(root)
    shutil.copytree(root, tmp_path / "copy")
    (tmp_path / "copy").rename(root / "chest_xray")
    cohort = index_cohort(root)
    assert len(cohort.manifest) == 28 and len(cohort.select()) == len(once.select()) == 14
    assert set(problems(cohort).values()) == {"nested_copy"}
    assert len(cohort.select("test")) == len(once.select("test")) == 1
    (finding,) = find_unusable_files(cohort.manifest)
    assert (finding.code, finding.num_files) == ("file_nested_copy", 14) and "counted once" in finding.sentence


def test_other_copies_are_what_they_were(tmp_path: Path) -> None:
    """A copy of another name, label or split is none that counts once: only those of one path are."""
    root = write_patients(tmp_path / "set")
    shutil.copytree(root / "train", root / "again" / "train")
    shutil.copy(root / "train/NORMAL/IM-0001-0001.png", root / "train/NORMAL/other.png")
    (root / "test").mkdir()
    shutil.copytree(root / "train/NORMAL", root / "test/NORMAL")
    cohort = index_cohort(root)
    assert len(problems(cohort)) == 40
    assert {"train/NORMAL/other.png", "test/NORMAL/IM-0001-0001.png"} <= set(cohort.select()["file"])
