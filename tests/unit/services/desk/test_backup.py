"""A backup holds the whole desk, comes back elsewhere and from older versions, and never harms what is there."""

import json
import shutil
import sqlite3
import threading
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from core.dataset.splitting import SplitConfig
from core.errors import DatabaseError, InputNotFoundError
from core.services.datasets import indexing
from core.services.datasets.splits import load_split, save_split
from core.services.desk import open_desk
from core.services.desk.audit_trail import list_events
from core.services.desk.backup import MANIFEST, BackupError, back_up, restore
from core.services.films.images import read_film_bytes
from core.services.runs.control import request_of
from core.services.runs.requests import TrainRequest, record_run
from core.services.worklist.studies import load_worklist
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict
from core.settings import AppSettings
from db.engine import make_engine
from db.states import State
from tests.small_desk import add_batch, small_desk
from tests.unit.dataset.small_cohorts import write_film


@pytest.fixture
def desk(tmp_path: Path):
    """A desk with an uploaded film, a verdict, a run's file, and what a backup leaves out."""
    desk = small_desk(tmp_path / "home")
    folder = desk.settings.uploads / "one" / "files"
    folder.mkdir(parents=True)
    (folder / "ä b.jpeg").write_bytes(b"film")
    ids = add_batch(desk, [("ä b.jpeg", 0.9)], folder=folder)
    give_verdict(desk, ids["ä b.jpeg"], "Ada", Verdict.NORMAL, "note")
    for name in ("runs/r/checkpoint/card.json", "caches/graphs/x.bin", "signing.key"):
        path = desk.settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return desk


@pytest.fixture
def file(desk, tmp_path: Path) -> Path:
    back_up(desk, tmp_path / "desk.zip", "Ada")
    return tmp_path / "desk.zip"


def test_all_comes_back_in_another_place(desk, file: Path, tmp_path: Path) -> None:
    """Studies, verdicts, films and runs stand in the new home, with paths that lead there; the trail goes on."""
    shutil.rmtree(desk.settings.home)
    settings = AppSettings(home=tmp_path / "elsewhere")
    assert restore(settings, file, "Bob").num_files == 2
    new = open_desk(settings)
    study = load_worklist(new).studies.iloc[0]
    assert Path(study["source_path"]).is_relative_to(settings.home)
    assert read_film_bytes(new, Path(study["source_path"]), None) == b"film"
    assert [(row.reader, row.note) for row in current_verdicts(new)] == [("Ada", "note")]
    assert (settings.home / "runs" / "r" / "checkpoint" / "card.json").exists()
    assert not (settings.home / "caches" / "graphs").exists() and not (settings.home / "signing.key").exists()
    assert [event.action for event in list_events(new)] == ["restore", "verdict"]


def test_datasets_splits_and_runs_on_films_in_the_home_go_along(desk, tmp_path: Path) -> None:
    """A split of films that lie in the desk's home can be trained on in the new one, and runs name their new folder."""
    films = desk.settings.uploads / "films"
    for number in range(1, 11):
        write_film(films / f"NORMAL/IM-{number:04}-0001.jpeg", number)
        write_film(films / f"PNEUMONIA/person{number}_virus_{number}.jpeg", 100 + number)
    save_split(desk, indexing.index(desk, films), SplitConfig(), "baseline")
    run_id = record_run(desk, TrainRequest(data=films, split="baseline"), State.STOPPED)
    back_up(desk, tmp_path / "b.zip")
    shutil.rmtree(desk.settings.home)
    settings = AppSettings(home=tmp_path / "elsewhere")
    restore(settings, tmp_path / "b.zip")
    new = open_desk(settings)
    cohort, split = load_split(new, "baseline")
    assert cohort.root == settings.uploads / "films" and len(split.assignments) == 20
    assert request_of(new, run_id).data == settings.uploads / "films"


def test_a_backup_is_made_while_the_desk_works(desk, tmp_path: Path) -> None:
    """What another connection has not committed yet is neither waited for nor in the backup."""
    with sqlite3.connect(desk.settings.home / "pneumodesk.db", isolation_level=None, check_same_thread=False) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO cohort VALUES (9, 'f', '/', 1, '{}', '2026-01-01')")
        threading.Timer(1.0, writer.rollback).start()
        back_up(desk, tmp_path / "b.zip")
    restore(AppSettings(home=tmp_path / "elsewhere"), tmp_path / "b.zip")
    with sqlite3.connect(tmp_path / "elsewhere" / "pneumodesk.db") as restored:
        assert restored.execute("SELECT count(*) FROM cohort").fetchone() == (0,)


def test_nothing_is_replaced_unasked(desk, file: Path) -> None:
    """A backup never replaces a file; a restore into a home with anything in it stops, or keeps it aside."""
    with pytest.raises(BackupError, match="there already"):
        back_up(desk, file)
    with pytest.raises(BackupError, match="--replace"):
        restore(desk.settings, file)
    add_batch(desk, [("later", 0.1)], batch_id="second")
    desk.engine.dispose()
    restore(desk.settings, file, replace=True)
    assert load_worklist(open_desk(desk.settings)).studies["file"].tolist() == ["ä b.jpeg"]
    (aside,) = desk.settings.home.glob("replaced-*")
    with sqlite3.connect(aside / "pneumodesk.db") as old:
        assert old.execute("SELECT count(*) FROM batch").fetchone() == (2,)


def test_a_backup_of_an_older_version_is_upgraded(file: Path, tmp_path: Path) -> None:
    """A database of the first schema in a backup comes back at the newest, with its readings as studies."""
    from alembic import command
    from alembic.config import Config

    from db.upgrade import SCRIPT_FOLDER

    old = tmp_path / "old.db"
    engine = make_engine(f"sqlite:///{old}")
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO model_version VALUES (1, 'm', 'h', NULL, '/m', '{}', '2026-01-01')",
            "INSERT INTO operating_point VALUES (1, 'h', 'p', 0.5, 0.4, 0.6, 'r', 'c', '2026-01-01')",
            "INSERT INTO batch (id, source, model_version_id, operating_point_id, request, num_done, state, "
            "stop_requested, created_at) VALUES ('b', 's', 1, 1, '{}', 1, 'completed', false, '2026-01-01')",
            "INSERT INTO reading (batch_id, file, file_hash, status, reason_code, reason, priority, rank_order, "
            "created_at) VALUES ('b', 'a.png', 'abc', 'read', 'c', 'r', 'urgent', 0, '2026-01-01')",
        ):
            connection.execute(text(statement))
    engine.dispose()
    older = rewritten(file, tmp_path / "older.zip", {"pneumodesk.db": old.read_bytes()})
    settings = AppSettings(home=tmp_path / "elsewhere")
    restore(settings, older)
    assert load_worklist(open_desk(settings)).studies["study"].tolist() == ["abc"]


def rewritten(file: Path, target: Path, changed: dict[str, bytes]) -> Path:
    """Write a backup anew with some members changed or added."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            if name not in changed:
                archive.writestr(name, source.read(name))
        for name, content in changed.items():
            archive.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"../outside.txt": b"x"}, "leads out"),
        ({"/etc/outside": b"x"}, "leads out"),
        ({"pneumodesk.db": b"no database" * 1000}, "damaged"),
        ({MANIFEST: json.dumps({"format": 99}).encode()}, "newer PneumoDesk"),
        ({MANIFEST: b"[1]"}, "manifest"),
        ({MANIFEST: b"{"}, "manifest"),
        ({MANIFEST: b"\xff\xfe"}, "manifest"),
        ({MANIFEST: b"[" * 50_000}, "manifest"),
        ({MANIFEST: b'{"format": 1}'}, "manifest"),
        ({MANIFEST: b'{"format": 1, "home": 7, "made_at": [], "num_files": "x"}'}, "manifest"),
        ({MANIFEST: b" " * 70_000}, "too large"),
        ({"pneumodesk.db": b""}, "holds no desk"),
    ],
)
def test_a_backup_that_is_none_changes_nothing(file: Path, tmp_path: Path, changed: dict, said: str) -> None:
    """What leads out of the home, is damaged or too new is refused in a sentence, and the home stays empty."""
    bad = rewritten(file, tmp_path / "bad.zip", changed)
    home = tmp_path / "elsewhere"
    with pytest.raises(BackupError, match=said):
        restore(AppSettings(home=home), bad)
    assert [path.name for path in home.iterdir() if path.name != ".restoring"] == []
    assert not (tmp_path / "outside.txt").exists()
    restore(AppSettings(home=home), file)


def test_a_damaged_database_is_not_backed_up(desk, tmp_path: Path) -> None:
    """With a page of a table overwritten, or emptied to 0 bytes, the backup says so and leaves no file."""
    desk.engine.dispose()
    database = desk.settings.home / "pneumodesk.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'reading'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    content = bytearray(database.read_bytes())
    content[(page - 1) * size : page * size] = b"\x55" * size
    for damaged in (bytes(content), b""):
        database.write_bytes(damaged)
        with pytest.raises(BackupError, match="database of this desk is damaged"):
            back_up(desk, tmp_path / "b.zip")
        assert not list(tmp_path.glob("b.zip*"))


def test_only_what_a_backup_writes_is_taken_over(file: Path, tmp_path: Path) -> None:
    """Caches, keys, locks and databases added to an archive stay out, and a database with a trigger is refused."""
    added = dict.fromkeys(("caches/a", "signing.key", "a.lock", "other.db", "pneumodesk.db-wal"), b"x")
    home = tmp_path / "elsewhere"
    restore(AppSettings(home=home), rewritten(file, tmp_path / "more.zip", added))
    assert not any((home / name).exists() for name in ("caches/a", "signing.key", "a.lock", "other.db"))
    database = tmp_path / "trigger.db"
    with zipfile.ZipFile(file) as archive:
        database.write_bytes(archive.read("pneumodesk.db"))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TRIGGER lose AFTER INSERT ON verdict BEGIN DELETE FROM verdict; END")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    bad = rewritten(file, tmp_path / "bad.zip", {"pneumodesk.db": database.read_bytes()})
    with pytest.raises(BackupError, match="'lose', a trigger"):
        restore(AppSettings(home=tmp_path / "third"), bad)


def test_a_cut_or_foreign_file_is_a_sentence(file: Path, tmp_path: Path) -> None:
    """Half a backup, another zip and a missing file are said in words."""
    cut = tmp_path / "cut.zip"
    cut.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(BackupError, match="cannot be restored"):
        restore(AppSettings(home=tmp_path / "a"), cut)
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(BackupError, match="no backup"):
        restore(AppSettings(home=tmp_path / "b"), tmp_path / "foreign.zip")
    with pytest.raises(InputNotFoundError):
        restore(AppSettings(home=tmp_path / "c"), tmp_path / "none.zip")


def test_a_database_on_a_server_is_said(tmp_path: Path) -> None:
    """One-file backups are for SQLite; for a server the sentence says what to use."""
    with pytest.raises(DatabaseError, match="pg_dump"):
        restore(AppSettings(home=tmp_path, database_url="postgresql://x/y"), tmp_path / "a.zip")
