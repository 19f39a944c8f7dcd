"""A backup holds the whole desk, says what it holds, and comes back elsewhere and from older versions."""

import hashlib
import json
import os
import shutil
import sqlite3
import threading
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from core.dataset.splitting import SplitConfig
from core.errors import DatabaseError
from core.services.datasets import indexing
from core.services.datasets.splits import get_split, save_split, split_of
from core.services.desk import Desk, open_desk
from core.services.desk.audit_trail import list_events
from core.services.desk.backup import back_up, export_key
from core.services.desk.backup_format import KEY_FILE, BackupError
from core.services.desk.restoring import RestoreRequest, restore
from core.services.films.images import read_film_bytes
from core.services.runs.control import request_of
from core.services.runs.requests import TrainRequest, record_run
from core.services.worklist.studies import load_worklist
from core.services.worklist.verdicts import current_verdicts
from core.settings import AppSettings
from db.engine import make_engine
from db.states import State
from tests.closing import close_desk
from tests.small_desk import add_batch
from tests.unit.dataset.small_cohorts import write_film
from tests.unit.services.desk.backups import file_of, key_of, made_desk, rewritten


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return made_desk(tmp_path)


@pytest.fixture
def file(desk: Desk, tmp_path: Path) -> Path:
    return file_of(desk, tmp_path)


@pytest.fixture
def key(desk: Desk, tmp_path: Path) -> Path:
    return key_of(desk, tmp_path)


def test_all_comes_back_in_another_place(desk: Desk, file: Path, key: Path, tmp_path: Path) -> None:
    """Studies, verdicts, images and runs are in the new home, with paths that lead there; the trail continues."""
    shutil.rmtree(desk.settings.home)
    settings = AppSettings(home=tmp_path / "elsewhere")
    done = restore(settings, RestoreRequest(file, key_file=key), "Bob")
    assert (done.num_files, done.rows["verdict"], done.is_verified, done.num_changed) == (2, 1, True, 0)
    new = open_desk(settings)
    study = load_worklist(new).studies.iloc[0]
    assert Path(study["source_path"]).is_relative_to(settings.home)
    assert read_film_bytes(new, Path(study["source_path"]), None) == b"film"
    assert [(row.reader, row.note) for row in current_verdicts(new)] == [("Ada", "note")]
    assert (settings.home / "runs" / "r" / "checkpoint" / "card.json").exists()
    assert not (settings.home / "caches" / "graphs").exists() and not (settings.home / "signing.key").exists()
    assert [(event.who, event.action) for event in list_events(new)] == [("Bob", "restore"), ("Ada", "verdict")]


def test_a_backup_says_what_it_holds(desk: Desk, tmp_path: Path) -> None:
    """Its files and the rows of each table are counted, and it names the key that signed it, which is not in it."""
    done = back_up(desk, tmp_path / "b.zip", "Ada")
    assert (done.num_files, done.rows["batch"], done.rows["reading"], done.rows["verdict"]) == (2, 1, 1, 1)
    assert done.key == export_key(desk, tmp_path / "copy.txt", "Ada")
    assert (tmp_path / "copy.txt").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(done.file) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    secret = (desk.settings.home / KEY_FILE).read_bytes()
    assert secret not in held and secret.hex().encode() not in held
    with pytest.raises(BackupError, match="there already"):
        export_key(desk, tmp_path / "copy.txt")


def test_datasets_splits_and_runs_on_films_in_the_home_go_along(desk: Desk, key: Path, tmp_path: Path) -> None:
    """A split of images that lie in the desk's home can be trained on in the new one, and runs name their new
    folder.
    """
    films = desk.settings.uploads / "films"
    for number in range(1, 11):
        write_film(films / f"NORMAL/IM-{number:04}-0001.jpeg", number)
        write_film(films / f"PNEUMONIA/person{number}_virus_{number}.jpeg", 100 + number)
    save_split(desk, indexing.index(desk, films), SplitConfig(), "baseline")
    run_id = record_run(desk, TrainRequest(data=films, split="baseline"), State.STOPPED)
    back_up(desk, tmp_path / "b.zip")
    shutil.rmtree(desk.settings.home)
    settings = AppSettings(home=tmp_path / "elsewhere")
    restore(settings, RestoreRequest(tmp_path / "b.zip", key_file=key))
    new = open_desk(settings)
    cohort = indexing.index(new, get_split(new, "baseline").root)
    split = split_of(new, "baseline", cohort)
    assert cohort.root == settings.uploads / "films" and len(split.assignments) == 20
    assert request_of(new, run_id).data == settings.uploads / "films"


def test_a_backup_is_made_while_the_desk_works(desk: Desk, key: Path, tmp_path: Path) -> None:
    """What another connection has not committed yet is neither waited for nor in the backup."""
    with sqlite3.connect(desk.settings.home / "pneumodesk.db", isolation_level=None, check_same_thread=False) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO cohort VALUES (9, 'f', '/', 1, '{}', '2026-01-01')")
        threading.Timer(1.0, writer.rollback).start()
        back_up(desk, tmp_path / "b.zip")
    restore(AppSettings(home=tmp_path / "elsewhere"), RestoreRequest(tmp_path / "b.zip", key_file=key))
    with sqlite3.connect(tmp_path / "elsewhere" / "pneumodesk.db") as restored:
        assert restored.execute("SELECT count(*) FROM cohort").fetchone() == (0,)


def test_nothing_is_replaced_unasked(desk: Desk, file: Path) -> None:
    """A backup never replaces a file; a restore into a home with anything in it stops, or keeps it aside."""
    with pytest.raises(BackupError, match="there already"):
        back_up(desk, file)
    add_batch(desk, [("later", 0.1)], batch_id="second")
    signed_with = (desk.settings.home / KEY_FILE).read_bytes()
    close_desk(desk)
    with pytest.raises(BackupError, match="--replace"):
        restore(desk.settings, RestoreRequest(file))
    restore(desk.settings, RestoreRequest(file, replace=True))
    assert load_worklist(open_desk(desk.settings)).studies["file"].tolist() == ["ä b.jpeg"]
    assert (desk.settings.home / KEY_FILE).read_bytes() == signed_with
    (aside,) = desk.settings.home.glob("replaced-*")
    with sqlite3.connect(aside / "pneumodesk.db") as old:
        assert old.execute("SELECT count(*) FROM batch").fetchone() == (2,)
    assert [path.name for path in (aside / "uploads").iterdir()] == ["one"]


def test_a_backup_of_an_older_version_is_upgraded(file: Path, tmp_path: Path) -> None:
    """An unsigned backup with a database of the first schema comes back at the newest where that is allowed."""
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
    older = rewritten(file, tmp_path / "older.zip", {"pneumodesk.db": old.read_bytes()}, as_format_1=True)
    settings = AppSettings(home=tmp_path / "elsewhere")
    with pytest.raises(BackupError, match="is not signed"):
        restore(settings, RestoreRequest(older))
    assert not restore(settings, RestoreRequest(older, accept_unverified=True)).is_verified
    study = hashlib.sha256(json.dumps(["name", "abc", "", "a.png"]).encode()).hexdigest()
    assert load_worklist(open_desk(settings)).studies["study"].tolist() == [study]


def without_a_trigger(connection: sqlite3.Connection) -> None:
    (name,) = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1").fetchone()
    connection.execute(f"DROP TRIGGER {name}")


def without_a_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE verdict DROP COLUMN note")


def with_a_row_that_refers_to_none(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO run_tag VALUES ('no such run', 'tag')")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (without_a_trigger, "keeps its records"),
        (without_a_column, "verdict lacks note"),
        (with_a_row_that_refers_to_none, "rows of the table run_tag"),
    ],
)
def test_a_database_that_is_no_whole_desk_is_not_backed_up(desk: Desk, tmp_path: Path, harm, said: str) -> None:
    """What SQLite itself finds in order is refused all the same where the desk's own schema or references are hurt."""
    with sqlite3.connect(desk.settings.home / "pneumodesk.db") as connection:
        harm(connection)
    connection.close()
    with pytest.raises(BackupError, match=f"database of this desk is damaged.*{said}"):
        back_up(desk, tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.zip*"))


def test_a_damaged_database_is_not_backed_up(desk: Desk, tmp_path: Path) -> None:
    """With a page of a table overwritten, or emptied to 0 bytes, the backup says so and leaves no file."""
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


def test_a_name_that_no_zip_can_hold_is_named(desk: Desk, tmp_path: Path) -> None:
    """A file whose name is no text stops the backup with a sentence rather than being left out of it."""
    Path(os.fsdecode(os.fsencode(desk.settings.home) + b"/runs/\xff")).write_bytes(b"x")
    with pytest.raises(BackupError, match="no zip can hold"):
        back_up(desk, tmp_path / "b.zip")


def test_a_database_elsewhere_is_said(desk: Desk, file: Path, tmp_path: Path) -> None:
    """One-file backups are for SQLite, and come back into the home: any other database is named, and left alone."""
    with pytest.raises(DatabaseError, match="pg_dump"):
        restore(AppSettings(home=tmp_path, database_url="postgresql://x/y"), RestoreRequest(file))
    other = AppSettings(home=tmp_path / "new", database_url=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(BackupError, match="Unset PNEUMODESK_DATABASE_URL"):
        restore(other, RestoreRequest(file, accept_unverified=True))
    assert not (tmp_path / "other.db").exists() and not (tmp_path / "new").exists()


def test_what_no_restore_takes_is_not_backed_up(tmp_path: Path) -> None:
    """A file whose name would lead out of a home on another system is named at once, not when it is too late."""
    desk = made_desk(tmp_path)
    (desk.settings.home / "uploads" / "a\\b.jpeg").write_bytes(b"x")
    with pytest.raises(BackupError, match="no backup can hold"):
        file_of(desk, tmp_path)
    assert not list(tmp_path.glob("desk.zip*"))
