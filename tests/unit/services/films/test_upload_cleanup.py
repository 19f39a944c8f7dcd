"""Old uploads are deleted if nothing reads from them, and nothing else is."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.services.desk import Desk, open_desk
from core.services.films.upload_cleanup import ABANDONED_SECONDS, clean_uploads
from core.services.films.uploads import IncomingFile, close_upload, describe_upload, new_upload_id, upload_folder
from core.settings import AppSettings


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    return open_desk(AppSettings(home=tmp_path / "home"))


def send(desk: Desk, name: str = "ward/film.png") -> str:
    upload_id = new_upload_id()
    incoming = IncomingFile(desk, upload_id, name)
    incoming.write(b"film")
    incoming.finish(modified_ms=1000)
    return upload_id


def test_an_abandoned_upload_goes_and_a_read_one_stays(desk: Desk) -> None:
    """After a day, images that no batch reads are gone; those of a batch stay, however old they are."""
    abandoned, read = send(desk), send(desk)
    close_upload(desk, read)
    clean_uploads(desk, now=time.time() + ABANDONED_SECONDS + 60)
    assert not upload_folder(desk, abandoned).parent.exists()
    assert describe_upload(desk, read).num_files == 1


def test_an_upload_of_today_stays(desk: Desk) -> None:
    """What arrived within the day can still be given to a batch, though its files are decades old."""
    upload_id = send(desk)
    cleaned = clean_uploads(desk, now=time.time() + ABANDONED_SECONDS - 60)
    assert describe_upload(desk, upload_id).num_files == 1 and cleaned.num_uploads == 0


def test_broken_files_of_a_read_upload_go(desk: Desk) -> None:
    """What broke off when the server was killed is deleted, though the upload around it stays."""
    upload_id = send(desk)
    broken = IncomingFile(desk, upload_id, "half.png")
    broken.write(b"hal")
    close_upload(desk, upload_id)
    (left,) = (upload_folder(desk, upload_id).parent / "partial").iterdir()
    os.utime(left, (0, 0))
    assert clean_uploads(desk).num_partial_files == 1
    assert not left.exists() and describe_upload(desk, upload_id).num_files == 1
