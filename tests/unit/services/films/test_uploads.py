"""Which files that are sent under one name are the same, and which are not."""

import io
import zipfile
from pathlib import Path

import pytest

from core.services.desk import Desk, open_desk
from core.services.films.uploads import IncomingFile, NameTakenError, describe_upload, new_upload_id, upload_folder
from core.settings import AppSettings


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(AppSettings(home=tmp_path / "home", keep_identifiers=True))


def send(desk: Desk, upload_id: str, name: str, content: bytes, modified_ms: int | None = 1000) -> None:
    incoming = IncomingFile(desk, upload_id, name)
    try:
        incoming.write(content)
        incoming.finish(modified_ms)
    finally:
        incoming.discard()


@pytest.mark.parametrize("modified_ms", [None, 1000])
def test_two_files_of_one_name_and_size_are_told_apart_by_content(desk: Desk, modified_ms: int | None) -> None:
    """The second is refused with a sentence; the first stays as it came."""
    upload_id = new_upload_id()
    send(desk, upload_id, "image.raw", b"left lung ", modified_ms)
    with pytest.raises(NameTakenError, match=r"image\.raw has arrived before: give one of the two another name"):
        send(desk, upload_id, "image.raw", b"right lung", modified_ms)
    assert (upload_folder(desk, upload_id) / "image.raw").read_bytes() == b"left lung "
    assert describe_upload(desk, upload_id).num_files == 1


def test_the_same_file_may_be_sent_twice(desk: Desk) -> None:
    """A file or zip that a browser sends again after a lost answer is the one that came before."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("ward/a.txt", b"text" * 100)
    upload_id = new_upload_id()
    for name, content in (("image.raw", b"left lung"), ("ward.zip", archive.getvalue())):
        send(desk, upload_id, name, content)
        send(desk, upload_id, name, content)
    assert describe_upload(desk, upload_id).num_files == 2
