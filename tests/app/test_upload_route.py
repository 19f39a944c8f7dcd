"""The upload route, asked as a browser asks, and as somebody who means harm does."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from core.api.application import create_api
from core.errors import SettingsError
from core.services.desk import Desk
from core.services.desk.signed_urls import VALID_SECONDS, is_signed, sign
from core.services.films import uploads
from core.services.films.upload_names import UploadNameError, safe_name
from core.settings import get_settings


class Sender:
    """A browser with the token of one upload."""

    def __init__(self, desk: Desk, upload_id: str) -> None:
        self.desk, self.upload_id = desk, upload_id
        self.headers = {"X-Upload-Token": uploads.upload_token(desk, upload_id)}
        self.client = TestClient(create_api())
        self.folder = uploads.upload_folder(desk, upload_id)

    def put(self, name: str, content: bytes, **query: int) -> httpx.Response:
        parameters = {"name": name, "size": len(content), **query}
        address = f"/uploads/{self.upload_id}/files"
        return self.client.put(address, content=content, params=parameters, headers=self.headers)

    def pack(self, listed: list[dict], contents: list[bytes]) -> httpx.Response:
        files = [("files", (str(number), content)) for number, content in enumerate(contents)]
        address = f"/uploads/{self.upload_id}/packs"
        return self.client.post(address, data={"listed": json.dumps(listed)}, files=files, headers=self.headers)

    def missing(self, *files: dict) -> list[int]:
        address = f"/uploads/{self.upload_id}/missing"
        return self.client.post(address, json=list(files), headers=self.headers).json()["missing"]

    def stored(self) -> dict[str, bytes]:
        """Everything that lies under the upload, whole or in part."""
        top = self.folder.parent
        return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


@pytest.fixture
def sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Sender:
    """On a site that keeps files as they came, since what is sent here is no image."""
    monkeypatch.setenv("PNEUMODESK_KEEP_IDENTIFIERS", "1")
    get_settings.cache_clear()
    return Sender(desk, uploads.new_upload_id())


def test_a_file_arrives_under_its_own_folder_and_name(sender: Sender) -> None:
    """What was sent lies on disk unchanged, also when it is larger than what is written at once."""
    large = bytes(range(256)) * 6000
    assert sender.put("set/a/film 1.jpg", b"film").status_code == 201
    assert sender.put("set/b/Lunge ä.jpg", large).status_code == 201
    assert sender.put("empty.jpg", b"").status_code == 201
    expected = {"set/a/film 1.jpg": b"film", "set/b/Lunge ä.jpg": large, "empty.jpg": b""}
    assert sender.stored() == {f"files/{name}": content for name, content in expected.items()}
    summary = uploads.describe_upload(sender.desk, sender.upload_id)
    assert (summary.num_files, summary.num_bytes) == (3, 4 + len(large))


def test_a_pack_keeps_what_it_can(sender: Sender) -> None:
    """Of files that come together each lies under its own name; one that may not be there leaves the others alone."""
    sender.put("taken.png", b"another image")
    listed = [{"name": name, "size": 3} for name in ("ward/a.png", "../out.png", "taken.png", "b.png")]
    answer = sender.pack(listed, [b"one", b"two", b"thr", b"fou"])
    assert (answer.status_code, answer.json()) == (200, {"received": [0, 3]})
    assert sender.stored() == {
        "files/ward/a.png": b"one",
        "files/b.png": b"fou",
        "files/taken.png": b"another image",
    }
    assert sender.missing(*listed) == [1, 2]


def test_a_pack_that_does_not_fit_its_list_keeps_nothing(sender: Sender) -> None:
    """Sizes that differ, a missing file, no list, more than 64 files or 16 MB, and a wrong token are refused whole."""
    listed = [{"name": "a.png", "size": 3}, {"name": "b.png", "size": 3}]
    assert sender.pack(listed, [b"one", b"tw"]).status_code == 400
    assert sender.pack(listed, [b"one"]).status_code == 400
    assert sender.pack([{"name": "a.png"}], [b"one"]).status_code == 400
    many = [{"name": f"{number}.png", "size": 1} for number in range(65)]
    assert sender.pack(many, [b"1"] * 65).status_code == 400
    assert sender.pack([{"name": "a.png", "size": 17 * 2**20}], [bytes(17 * 2**20)]).status_code == 413
    sender.headers = {"X-Upload-Token": "bent"}
    assert sender.pack(listed[:1], [b"one"]).status_code == 403
    assert sender.stored() == {}


def test_only_what_has_not_arrived_is_missing(sender: Sender) -> None:
    """A file counts as arrived only with its size and its moment, so that a namesake is never taken for it."""
    sender.put("IM1.dcm", b"one", modified=1_700_000_000_123)
    same = {"name": "IM1.dcm", "size": 3, "modified": 1_700_000_000_123}
    assert sender.missing(same, {**same, "size": 4}, {**same, "modified": 5}, {**same, "name": "IM2.dcm"}) == [1, 2, 3]


def test_a_namesake_replaces_nothing(sender: Sender) -> None:
    """Another patient's file of the same name and size is refused with 409, and the same file again is welcome."""
    assert sender.put("IM1.dcm", b"one", modified=1000).status_code == 201
    assert sender.put("IM1.dcm", b"two", modified=2000).status_code == 409
    assert sender.put("IM1.dcm", b"one", modified=1000).status_code == 201
    assert sender.stored() == {"files/IM1.dcm": b"one"}


@pytest.mark.parametrize(
    "name", ["../out.jpg", "a/../../out.jpg", "/etc/out.jpg", "a//b", "", ".", "a\x00b", "x/" * 40]
)
def test_names_that_lead_out_are_refused(sender: Sender, name: str) -> None:
    """Nothing is written for a name that no folder picker sends."""
    response = sender.put(name, b"x")
    assert response.status_code == 400
    assert response.json()["detail"].endswith(".")
    assert sender.stored() == {}


@pytest.mark.parametrize(
    "name", ["C:\\Windows\\out.jpg", "..\\..\\out.jpg", "nul", "con.jpg", ".hidden.jpg", "a\nb.jpg", "é" * 300]
)
def test_odd_names_are_kept_inside_under_a_safe_name(sender: Sender, name: str) -> None:
    """Names that one system or other takes for something else are changed, stay visible and are found again."""
    assert sender.put(name, b"x").status_code == 201
    (stored,) = sender.stored()
    assert stored.startswith("files/")
    assert not stored.removeprefix("files/").startswith(".")
    assert sender.missing({"name": name, "size": 1}) == []


@given(st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=2, unique=True))
@settings(max_examples=300, deadline=None)
def test_two_names_never_share_a_place(names: list[str]) -> None:
    """Whatever the names, each is refused or gets a place of its own inside the folder."""
    places = set()
    for name in names:
        try:
            place = safe_name(name)
        except UploadNameError:
            continue
        assert not Path(place).is_absolute()
        assert ".." not in Path(place).parts
        assert safe_name(name) == place
        assert place not in places
        places.add(place)


def test_a_wrong_token_opens_nothing(sender: Sender) -> None:
    """Without a token, with another upload's or a bent one, the answer is 403 and nothing is written."""
    other = uploads.upload_token(sender.desk, uploads.new_upload_id())
    right = sender.headers["X-Upload-Token"]
    for token in ("", "0", other, right[:-1] + ("0" if right[-1] != "0" else "1"), "ff" + right, "é"):
        sender.headers = {"X-Upload-Token": token.encode()}
        assert sender.put("film.jpg", b"x").status_code == 403
    assert sender.stored() == {}


def test_a_signature_runs_out(desk: Desk) -> None:
    """A signature holds for its stated time, not for twice as long, and only for what was signed."""
    now = 1_800_000_000.0
    signature = sign(desk, "one", now)
    assert is_signed(desk, "one", signature, now + VALID_SECONDS - 1)
    assert not is_signed(desk, "one", signature, now + 2 * VALID_SECONDS + 1)
    assert not is_signed(desk, "two", signature, now)
    assert (desk.settings.home / "signing.key").stat().st_mode & 0o077 == 0


def test_a_file_above_the_limit_is_refused(sender: Sender) -> None:
    """Whether the size is announced, hidden or a lie, no more than the limit reaches the disk; zips may be larger."""
    too_large = b"x" * 2_000_001
    assert sender.put("film.jpg", too_large).status_code == 413
    address = f"/uploads/{sender.upload_id}/files"
    unannounced = sender.client.put(address, content=too_large, params={"name": "film.jpg"}, headers=sender.headers)
    assert unannounced.status_code == 413
    assert "2 MB" in unannounced.json()["detail"]
    assert sender.stored() == {}
    assert sender.put("films.zip", too_large).status_code == 201


def test_a_file_that_breaks_off_leaves_nothing(sender: Sender) -> None:
    """Fewer bytes than were announced make no file."""
    assert sender.put("film.jpg", b"half", size=8).status_code == 400
    assert sender.stored() == {}
    assert sender.missing({"name": "film.jpg", "size": 8}) == [0]


def test_a_closed_upload_takes_no_more(sender: Sender) -> None:
    """Once a batch reads from it, an upload does not change."""
    sender.put("film.jpg", b"x")
    uploads.close_upload(sender.desk, sender.upload_id)
    assert sender.put("other.jpg", b"x").status_code == 403
    assert [path.name for path in sender.folder.rglob("*") if path.is_file()] == ["film.jpg"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("A small disk can be mounted by root only.")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_told_and_the_rest_can_be_sent_later(sender: Sender, tiny_disk: Path) -> None:
    """On a full disk the answer is 507 with a sentence, no half file stays, and with room the same file arrives."""
    sender.folder.parent.parent.mkdir(parents=True, exist_ok=True)
    sender.folder.parent.symlink_to(tiny_disk)
    sender.put("first.jpg", b"x" * 700_000)
    refused = sender.put("second.jpg", b"y" * 700_000)
    assert refused.status_code == 507
    assert "disk is full" in refused.json()["detail"]
    assert [path.name for path in tiny_disk.rglob("*") if path.is_file()] == ["first.jpg"]
    (tiny_disk / "files" / "first.jpg").unlink()
    assert sender.put("second.jpg", b"y" * 700_000).status_code == 201


def test_a_new_key_ends_all_signatures(desk: Desk) -> None:
    """Deleting the key takes back whatever was signed with it, also in a process that has read it."""
    signature = sign(desk, "one")
    assert is_signed(desk, "one", signature)
    (desk.settings.home / "signing.key").unlink()
    assert not is_signed(desk, "one", signature)
    assert is_signed(desk, "one", sign(desk, "one"))


def test_a_cut_key_is_told_and_not_used(desk: Desk) -> None:
    """A key that is too short to be safe is refused with what to do about it."""
    sign(desk, "one")
    (desk.settings.home / "signing.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="delete the file"):
        sign(desk, "one")
