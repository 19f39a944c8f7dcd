"""Uploads: identifiers stay outside unless the site keeps them, and an upload still knows what it has."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from core.radiograph.phantom import synthesise_phantom
from core.radiograph.reading import read_radiograph
from core.services.desk import Desk
from core.services.films.uploads import IncomingFile, SentFile, missing_files, new_upload_id, upload_folder
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
    """The stored file has no name in it, is the same film, and is not asked for again."""
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


@pytest.mark.parametrize("name", [NAME, "films.zip"])
def test_names_become_study_numbers_on_request(tmp_path: Path, name: str) -> None:
    """No part of a name is left on the disk, the same name has the same number, and an archive stays one."""
    desk = small_desk(tmp_path, study_numbers=True)
    upload_id, (path,) = send(desk, name, CONTENT)
    _, (again,) = send(desk, name, CONTENT)
    assert path.name == again.name and path.name.startswith("study-")
    assert (path.suffix == ".zip") is name.endswith(".zip")
    assert missing_files(desk, upload_id, [SentFile(name, len(CONTENT), 1000)]) == []


def test_films_in_a_zip_lose_them_too(tmp_path: Path) -> None:
    """Every member of an archive is kept as the film alone."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/film.dcm", CONTENT)
        archive.writestr("note.txt", "hello")
        archive.comment = SECRET
    _, (path,) = send(small_desk(tmp_path), "films.zip", stream.getvalue())
    assert SECRET not in path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a/film.dcm", "note.txt"] and archive.read("note.txt") == b"hello"
        assert read_radiograph(archive.read("a/film.dcm")).age_years == 3
