"""Uploads: identifiers stay outside unless the site keeps them, and an upload still knows what it has."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from core.errors import UnreadableFileError
from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.services.datasets.indexing import index
from core.services.desk import Desk
from core.services.desk.backup import back_up
from core.services.desk.backup_format import KEY_FILE as BACKUP_KEY
from core.services.desk.restoring import RestoreRequest, restore
from core.services.films.pseudonyms import KEY_FILE, Kind, patient_pseudonym, pseudonym, study_number
from core.services.films.uploads import (
    IncomingFile,
    SentFile,
    describe_upload,
    missing_files,
    new_upload_id,
    upload_folder,
)
from core.settings import AppSettings
from tests.dicom_files import dicom_of
from tests.small_desk import small_desk

CONTENT = dicom_of(synthesise_phantom(1, size=96))
SECRET = b"Secret^Name"
NAME = "ward/Secret Name.dcm"


def send(desk: Desk, name: str, content: bytes) -> tuple[str, list[Path]]:
    upload_id = new_upload_id()
    incoming = IncomingFile(desk, upload_id, name)
    incoming.write(content)
    incoming.finish(modified_ms=1000)
    return upload_id, [path for path in upload_folder(desk, upload_id).rglob("*") if path.is_file()]


def test_an_upload_keeps_the_film_alone(tmp_path: Path) -> None:
    """The stored file has no name in it, is the same image, and is not asked for again."""
    desk = small_desk(tmp_path)
    upload_id, (path,) = send(desk, NAME, CONTENT)
    assert SECRET in CONTENT and SECRET not in path.read_bytes()
    assert (read_radiograph(path).pixels_HW == read_radiograph(CONTENT).pixels_HW).all()
    sent = SentFile(NAME, len(CONTENT), 1000)
    assert missing_files(desk, upload_id, [sent, SentFile(NAME, len(CONTENT), 2000), SentFile(NAME, 5, 1000)]) == [1, 2]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET in path.read_bytes()]


def test_a_site_may_keep_them(tmp_path: Path) -> None:
    """Turned on, the file lies there as it came."""
    _, (path,) = send(small_desk(tmp_path, keep_identifiers=True), NAME, CONTENT)
    assert path.read_bytes() == CONTENT


def zipped(members: dict[str, bytes], **options: object) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content, **options)
        archive.comment = SECRET
    return stream.getvalue()


@pytest.mark.parametrize("name", [NAME, "films.zip"])
def test_names_become_study_numbers_on_request(tmp_path: Path, name: str) -> None:
    """No part of a name is left on the disk, the same name has the same number, and an archive stays one."""
    desk = small_desk(tmp_path, study_numbers=True)
    content = zipped({"Secret Name.dcm": CONTENT}) if name == "films.zip" else CONTENT
    upload_id, (path,) = send(desk, name, content)
    _, (again,) = send(desk, name, content)
    assert path.name == again.name and path.name.startswith("study-")
    assert (path.suffix == ".zip") is name.endswith(".zip")
    assert b"Secret" not in path.read_bytes()
    assert missing_files(desk, upload_id, [SentFile(name, len(content), 1000)]) == []


def test_a_study_number_is_made_once(tmp_path: Path) -> None:
    """An image in an upload and in a zip is listed under the number of its name, not under a number of that number."""
    desk = small_desk(tmp_path, study_numbers=True)
    _, (path,) = send(desk, NAME, CONTENT)
    assert path.name == study_number(desk, NAME) == study_number(desk, path.name)
    _, (path,) = send(desk, "films.zip", zipped({"a/film.dcm": CONTENT}))
    with zipfile.ZipFile(path) as archive:
        (member,) = archive.namelist()
    assert member == study_number(desk, f"{path.name}/{member}") == study_number(desk, "films.zip/a/film.dcm")


def test_the_key_of_pseudonyms_is_one_of_its_own_and_goes_along_in_a_backup(tmp_path: Path) -> None:
    """A restored desk gives the same numbers, another desk others; another kind too; the key is private."""
    desk = small_desk(tmp_path / "home")
    number = study_number(desk, NAME)
    assert number != study_number(small_desk(tmp_path / "other"), NAME)
    assert pseudonym(desk, Kind.PATIENT, NAME).partition("-")[2] != number.partition("-")[2]
    (tmp_path / "home" / "signing.key").write_bytes(bytes(32))
    back_up(desk, tmp_path / "desk.zip")
    asked = RestoreRequest(tmp_path / "desk.zip", key_file=desk.settings.home / BACKUP_KEY)
    restore(AppSettings(home=tmp_path / "new"), asked)
    assert study_number(small_desk(tmp_path / "new"), NAME) == number
    assert not (tmp_path / "new" / "signing.key").exists()
    assert (tmp_path / "new" / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_films_in_a_zip_lose_them_too(tmp_path: Path) -> None:
    """Every member of an archive is kept as the image alone, and of what is no image the reason is kept."""
    members = {"a/film.dcm": CONTENT, "note.txt": b"Secret^Name", "in.zip": zipped({"film.dcm": CONTENT})}
    members |= {".hidden": SECRET, "__MACOSX/x": SECRET}
    _, (path,) = send(small_desk(tmp_path), "films.zip", zipped(members))
    assert SECRET not in path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a/film.dcm", "in.zip", "note.txt"]
        assert read_radiograph(archive.read("a/film.dcm")).age_years == 3
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        assert reason_of(archive.read("note.txt")) == "not_a_picture"


def reason_of(content: bytes) -> str:
    with pytest.raises(UnreadableFileError, match="was not kept") as refused:
        read_radiograph(content)
    return refused.value.reason


def locked() -> bytes:
    """A zip that says its one member is encrypted."""
    content = bytearray(zipped({"film.dcm": CONTENT}))
    for start, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(start) + place] |= 1
    return bytes(content)


ZIPS = {
    "split": (lambda: b"PK\7\x08" + zipped({"film.dcm": CONTENT}), None),
    "self-extractor": (lambda: b"MZ" + bytes(500) + SECRET + zipped({"film.dcm": CONTENT}), None),
    "cut": (lambda: zipped({"film.dcm": CONTENT})[:-200], "archive_unreadable"),
    "one part of many": (lambda: b"PK\7\x08" + CONTENT, "archive_unreadable"),
    "empty": (lambda: zipped({}), "archive_unreadable"),
    "no zip at all": (lambda: b"MSH|^~|" + SECRET, "not_a_picture"),
}


@pytest.mark.parametrize("form", ZIPS)
def test_a_zip_is_cleaned_however_it_begins_or_not_kept(tmp_path: Path, form: str) -> None:
    """Split archives and self-extractors lose their identifiers, and of what cannot be opened the reason is kept."""
    make, reason = ZIPS[form]
    _, (path,) = send(small_desk(tmp_path), "films.zip", make())
    assert SECRET not in path.read_bytes()
    if reason is None:
        with zipfile.ZipFile(path) as archive:
            assert read_radiograph(archive.read("film.dcm")).age_years == 3
    else:
        assert reason_of(path.read_bytes()) == reason


def test_a_locked_member_is_not_kept(tmp_path: Path) -> None:
    """Nobody can look into it, so that the reason lies in its place."""
    _, (path,) = send(small_desk(tmp_path), "films.zip", locked())
    assert SECRET not in path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert reason_of(archive.read("film.dcm")) == "archive_unreadable"


def test_two_files_that_are_not_kept_are_told_apart(tmp_path: Path) -> None:
    """What lies in place of two letters differs, and of one letter sent twice it is the same."""
    desk = small_desk(tmp_path)
    one, two, again = (send(desk, "letter.txt", text)[1][0].read_bytes() for text in (b"one", b"two", b"one"))
    assert one == again != two and reason_of(one) == reason_of(two) == "not_a_picture"


def test_a_table_of_a_dataset_keeps_known_words_and_pseudonyms_of_patients(tmp_path: Path) -> None:
    """Of a metadata.csv stay file, label, split and who belongs together; no name, number or unknown word does."""
    desk = small_desk(tmp_path)
    table = (
        "File,Label,patient_id,split,name,age\n"
        "a.png,NORMAL,SECRET-ID,train,Secret,3\nb.png,secret,SECRET-ID,Secret,,\nc.png,pneumonia,nan,,,\n"
    )
    _, (path,) = send(desk, "set/metadata.csv", table.encode("utf-8-sig"))
    patient = pseudonym(desk, Kind.PATIENT, "SECRET-ID")
    assert path.read_text() == (
        f"file,label,patient_id,split\na.png,NORMAL,{patient},train\nb.png,unknown,{patient},unknown\n"
        "c.png,pneumonia,,\n"
    )
    _, (path,) = send(desk, "metadata.csv", b"Secret^Name,born 1.1.2020")
    assert reason_of(path.read_bytes()) == "not_a_picture"


def test_uploaded_images_of_one_dicom_patient_still_belong_together(tmp_path: Path) -> None:
    """The number is replaced by its pseudonym, made once: the upload is indexed like the originals."""
    desk = small_desk(tmp_path / "home")
    originals = tmp_path / "films" / "NORMAL"
    originals.mkdir(parents=True)
    upload_id = new_upload_id()
    for number in range(3):
        content = dicom_of(synthesise_phantom(number, size=96), PatientID=f"SECRET-{number // 2}")
        (originals / f"{number}.dcm").write_bytes(content)
        incoming = IncomingFile(desk, upload_id, f"NORMAL/{number}.dcm")
        incoming.write(content)
        incoming.finish()
    patients = index(desk, upload_folder(desk, upload_id)).manifest["patient"].tolist()
    assert patients == index(desk, originals.parent).manifest["patient"].tolist()
    assert patients == [patient_pseudonym(desk, f"SECRET-{number}") for number in (0, 0, 1)]
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file() and b"SECRET-" in path.read_bytes()]


def test_a_dicom_film_may_be_sent_twice(tmp_path: Path) -> None:
    """Cleaned again it is the same file, so that a browser may repeat what it got no answer to."""
    desk, upload_id = small_desk(tmp_path), new_upload_id()
    for _ in range(2):
        incoming = IncomingFile(desk, upload_id, NAME)
        incoming.write(CONTENT)
        incoming.finish()
    assert describe_upload(desk, upload_id).num_files == 1
