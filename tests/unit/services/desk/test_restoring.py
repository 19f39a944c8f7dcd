"""What is restored: only a backup that a key vouches for, or one that its owner takes at a named risk, and no more."""

import hashlib
import json
import sqlite3
import zipfile
from copy import copy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputNotFoundError
from core.services.desk import open_desk
from core.services.desk.api_keys import Scope, find_key, make_key
from core.services.desk.audit_trail import list_events
from core.services.desk.backup import back_up
from core.services.desk.backup_format import (
    DATABASE,
    KEY_FILE,
    LISTING,
    MANIFEST,
    SIGNATURE,
    BackupError,
    name_of_key,
)
from core.services.desk.restoring import RestoreRequest, restore
from core.services.worklist.verdicts import current_verdicts
from core.settings import AppSettings
from tests.small_desk import small_desk
from tests.unit.services.desk.backups import file_of, key_of, line_of, made_desk, rewritten

MEMBERS = (DATABASE, "uploads/one/files/ä b.jpeg", "runs/r/checkpoint/card.json", LISTING, MANIFEST, SIGNATURE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A backup, the key that it was signed with, and a key of a program that is in it."""
    folder = tmp_path_factory.mktemp("made")
    desk = made_desk(folder)
    _, text = make_key(desk, "ward", [Scope.READ], None)
    return file_of(desk, folder), key_of(desk, folder), text


@pytest.fixture
def file(made) -> Path:
    return made[0]


@pytest.fixture
def key(made) -> Path:
    return made[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"


def refused(home: Path, file: Path, **allowed: object) -> str:
    """Return what is said of a backup that is not restored, after which nothing is there."""
    with pytest.raises(BackupError) as caught:
        restore(AppSettings(home=home), RestoreRequest(file, **allowed))
    assert [path.name for path in home.iterdir()] == ["desk.lock"]
    return str(caught.value)


def members_of(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def database_with(file: Path, folder: Path, *statements: str) -> bytes:
    """Return the database of a backup after some statements."""
    path = folder / "changed.db"
    path.write_bytes(members_of(file)[DATABASE])
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"../outside.txt": b"x"}, "leads out"),
        ({"/etc/outside": b"x"}, "leads out"),
        ({".restoring/journal.json": b"{}"}, "leads out"),
        ({DATABASE: b"no database" * 1000}, "damaged"),
        ({DATABASE: b""}, "holds no desk"),
        ({MANIFEST: json.dumps({"format": 99}).encode()}, "newer PneumoDesk"),
        ({MANIFEST: b"[1]"}, "manifest"),
        ({MANIFEST: b"{"}, "manifest"),
        ({MANIFEST: b"\xff\xfe"}, "manifest"),
        ({MANIFEST: b"[" * 50_000}, "manifest"),
        ({MANIFEST: b'{"format": 1}'}, "manifest"),
        ({MANIFEST: b'{"format": 1, "home": 7, "made_at": [], "num_files": "x"}'}, "manifest"),
        ({MANIFEST: b'{"format": ' + b"9" * 5000 + b"}"}, "manifest"),
        ({MANIFEST: b" " * 70_000}, "too large"),
        ({LISTING: b"{}\n"}, "not the one that it was made with"),
    ],
)
def test_a_backup_that_is_none_changes_nothing(
    file: Path, home: Path, tmp_path: Path, changed: dict, said: str
) -> None:
    """What leads out of the home, is damaged or too new is refused in a sentence, even where much is allowed."""
    bad = rewritten(file, tmp_path / "bad.zip", changed)
    assert said in refused(home, bad, accept_unverified=True)
    assert not (tmp_path / "outside.txt").exists()


def test_a_manifest_of_the_right_shape_with_wrong_values_is_refused(file: Path, home: Path, tmp_path: Path) -> None:
    """A time with control characters, a home that is none, and counts that the database has not."""
    for says, said in (
        ({"made_at": "\x1b]0;title\x07"}, "manifest"),
        ({"home": "relative"}, "home is no folder"),
        ({"home": "/a\0b"}, "home is no folder"),
        ({"rows": {"verdict": 7}}, "'alembic_version' has 1 rows"),
        ({"num_files": -1}, "manifest"),
    ):
        bad = rewritten(file, tmp_path / f"{said}.zip", {}, **says)
        assert said in refused(home, bad, accept_unverified=True)


def test_of_a_wrong_list_nothing_is_taken(file: Path, home: Path, tmp_path: Path) -> None:
    """A list without the database, with a file that is missing, or that is no list, is refused though it is signed."""
    held = members_of(file)
    key = b"k" * 32
    (tmp_path / "own.key").write_bytes(key)
    for listing, said in (
        (line_of("runs/r/checkpoint/card.json", b"x"), "no database"),
        (line_of(DATABASE, held[DATABASE]) + line_of("gone", b""), "lacks 'gone'"),
        (b'{"name": 5}\n', "list of files"),
        (b"[" * 10_000, "list of files"),
    ):
        digest = hashlib.sha256(listing).hexdigest()
        bad = rewritten(file, tmp_path / f"{said}.zip", {LISTING: listing}, key=key, listing=digest)
        assert said in refused(home, bad, key_file=tmp_path / "own.key")


def test_what_was_changed_is_said_and_taken_only_at_the_named_risk(
    file: Path, key: Path, home: Path, tmp_path: Path
) -> None:
    """A changed image, verdict or list is refused by the desk's own key; allowed, it is said that nobody vouches."""
    film = "uploads/one/files/ä b.jpeg"
    verdict = database_with(file, tmp_path, "UPDATE api_key SET name = 'mine'")
    for number, (changed, listed) in enumerate((({film: b"other"}, False), ({DATABASE: verdict}, True))):
        bad = rewritten(file, tmp_path / f"{number}.zip", changed, listed=listed)
        said = refused(home / str(number), bad, key_file=key)
        assert "was changed after" in said and "--accept-unverified" in said and "what readers said" in said
    done = restore(
        AppSettings(home=home / "0"), RestoreRequest(tmp_path / "0.zip", key_file=key, accept_unverified=True)
    )
    assert (done.is_verified, done.num_changed) == (False, 1)
    assert (home / "0" / film).read_bytes() == b"other"
    (event,) = [one for one in list_events(open_desk(AppSettings(home=home / "0"))) if one.action == "restore"]
    assert (event.detail["is_verified"], event.detail["num_changed"]) == (False, 1)


def test_a_backup_of_another_desk_needs_its_key(file: Path, key: Path, home: Path, tmp_path: Path) -> None:
    """Without any key, or with another desk's, the sentence names the key that is needed; with it, it becomes ours."""
    name = name_of_key(bytes.fromhex(key.read_text().strip()))
    assert f"with the key {name}, and this home has none" in refused(home, file)
    (tmp_path / "other.key").write_bytes(b"o" * 32)
    assert "signed by another desk" in refused(home, file, key_file=tmp_path / "other.key")
    (tmp_path / "no.key").write_text("word")
    assert "holds no key" in refused(home, file, key_file=tmp_path / "no.key")
    with pytest.raises(InputNotFoundError):
        restore(AppSettings(home=home), RestoreRequest(file, key_file=tmp_path / "none"))
    assert restore(AppSettings(home=home), RestoreRequest(file, key_file=key)).is_verified
    assert (home / KEY_FILE).stat().st_mode & 0o777 == 0o600
    again = back_up(open_desk(AppSettings(home=home)), tmp_path / "again.zip")
    assert again.key == name


def test_a_key_of_a_program_survives_only_where_the_backup_is_vouched_for(made, home: Path, tmp_path: Path) -> None:
    """Restored with the desk's key, programs keep their keys; from an unverified backup all are revoked."""
    file, key, text = made
    restore(AppSettings(home=home), RestoreRequest(file, key_file=key))
    assert find_key(open_desk(AppSettings(home=home)), text) is not None
    done = restore(AppSettings(home=tmp_path / "third"), RestoreRequest(file, accept_unverified=True))
    assert (done.is_verified, done.num_revoked) == (False, 1)
    assert find_key(open_desk(AppSettings(home=tmp_path / "third")), text) is None


def test_only_what_is_listed_is_taken_over(file: Path, key: Path, home: Path, tmp_path: Path) -> None:
    """Files added to a signed backup stay out; caches, keys, locks and databases also where a forger lists them."""
    added = dict.fromkeys(
        ("caches/a", "signing.key", KEY_FILE, "a.lock", "desk.lock", "other.db", f"{DATABASE}-wal", "replaced-1/a"),
        b"x",
    )
    restore(
        AppSettings(home=home), RestoreRequest(rewritten(file, tmp_path / "1.zip", {"more.txt": b"x"}), key_file=key)
    )
    assert not (home / "more.txt").exists()
    listed = rewritten(file, tmp_path / "2.zip", {**added, "runs/new.txt": b"x"}, listed=True)
    restore(AppSettings(home=tmp_path / "third"), RestoreRequest(listed, accept_unverified=True))
    found = {path.relative_to(tmp_path / "third").as_posix() for path in (tmp_path / "third").rglob("*")}
    assert found & added.keys() == {"desk.lock"} and "runs/new.txt" in found
    assert (tmp_path / "third" / "desk.lock").read_bytes() == b""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TRIGGER lose AFTER INSERT ON verdict BEGIN DELETE FROM verdict; END", "'lose', a trigger"),
        ("CREATE VIEW look AS SELECT * FROM verdict", "'look', a trigger or view"),
        ("DROP TRIGGER IF EXISTS {trigger}", "which keeps its records"),
        ("UPDATE batch SET request = '[1, 2]'", "damaged"),
        ("UPDATE batch SET request = 'no json'", "damaged"),
        ("UPDATE alembic_version SET version_num = '9999'", "cannot be used"),
        ("ALTER TABLE verdict DROP COLUMN note", "lacks note"),
    ],
)
def test_a_database_that_no_desk_writes_is_refused(
    file: Path, home: Path, tmp_path: Path, statement: str, said: str
) -> None:
    """Triggers, views, a missing guard, documents of another shape and a foreign schema, whatever is allowed."""
    path = tmp_path / "look.db"
    path.write_bytes(members_of(file)[DATABASE])
    with sqlite3.connect(path) as connection:
        (trigger,) = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1").fetchone()
    connection.close()
    database = database_with(file, tmp_path, statement.format(trigger=trigger))
    bad = rewritten(file, tmp_path / "bad.zip", {DATABASE: database}, listed=True)
    assert said in refused(home, bad, accept_unverified=True)


def test_a_cut_or_foreign_file_is_a_sentence(file: Path, key: Path, home: Path, tmp_path: Path) -> None:
    """Half a backup, another zip, one packed otherwise and a missing file are said in words."""
    cut = tmp_path / "cut.zip"
    cut.write_bytes(file.read_bytes()[:2000])
    assert "cannot be restored" in refused(home, cut)
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("a", "b")
    assert "no backup" in refused(home, tmp_path / "foreign.zip")
    with zipfile.ZipFile(tmp_path / "bz2.zip", "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in members_of(file).items():
            archive.writestr(name, content)
    assert "packed as no backup is" in refused(home, tmp_path / "bz2.zip", key_file=key)
    assert "packed as no backup is" in refused(home, overlapping(file, tmp_path / "over.zip"), accept_unverified=True)
    with pytest.raises(InputNotFoundError):
        restore(AppSettings(home=home), RestoreRequest(tmp_path / "none.zip"))


def overlapping(file: Path, target: Path) -> Path:
    """Write a backup whose directory names the packed bytes of the database a second time, as a zip bomb does."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
        again = copy(archive.getinfo(DATABASE))
        again.filename = again.orig_filename = "uploads/again.png"
        archive.filelist.append(again)
        archive.NameToInfo[again.filename] = again
    return target


def test_what_does_not_fit_on_the_disk_is_said_before(file: Path, key: Path, home: Path, monkeypatch) -> None:
    """With less room than the backup needs nothing is unpacked, and both sizes are named."""
    from core.services.desk import backup_files

    room = type("Room", (), {"free": 1_000})
    monkeypatch.setattr(backup_files.shutil, "disk_usage", lambda path: room)
    assert "0 MB are free" in refused(home, file, key_file=key)


@given(place=st.floats(0, 1, exclude_max=True), content=st.binary(min_size=1, max_size=8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_backup_with_any_bytes_changed_is_restored_whole_or_refused_in_words(
    file: Path, key: Path, tmp_path_factory: pytest.TempPathFactory, place: float, content: bytes
) -> None:
    """Wherever a backup is damaged, all that it holds is what was signed, or it is refused; nothing else is raised."""
    whole = file.read_bytes()
    at = int(place * len(whole))
    folder = tmp_path_factory.mktemp("harmed")
    harmed = folder / "harmed.zip"
    harmed.write_bytes((whole[:at] + content + whole[at + len(content) :])[: len(whole)])
    try:
        done = restore(AppSettings(home=folder / "home"), RestoreRequest(harmed, key_file=key))
    except BackupError:
        return
    assert done.is_verified and (folder / "home/uploads/one/files/ä b.jpeg").read_bytes() == b"film"


def test_a_damaged_name_is_a_sentence(file: Path, key: Path, home: Path, tmp_path: Path) -> None:
    """A name in the list of files that is no text any more stops the restore in words, not with an unforeseen error."""
    whole = file.read_bytes()
    at = whole.rindex("ä b.jpeg".encode())
    harmed = tmp_path / "harmed.zip"
    harmed.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    assert "Nothing there was changed" in refused(home, harmed, key_file=key)


def test_the_restored_desk_says_what_readers_said(file: Path, key: Path, home: Path) -> None:
    """The verdict of the backup is there, and none of another desk."""
    restore(AppSettings(home=home), RestoreRequest(file, key_file=key))
    assert [row.reader for row in current_verdicts(small_desk(home))] == ["Ada"]
