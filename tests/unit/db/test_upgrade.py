"""How the schema comes to be and is kept."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import db.upgrade
from core.reasons import say, store
from core.runs.failures import vanished
from core.runs.work_queue import Gone
from core.services.runs.readable import failure_in_words
from core.triage.heatmap import Heatmap
from db.base import Base
from db.engine import make_engine, session_factory
from db.migrations import HEAD_REVISION
from db.models import Batch, Prediction, Reading, Run, RunMetric, Sweep
from db.problems import DatabaseProblem
from db.upgrade import POSTGRES_LOCK_KEY, SCRIPT_FOLDER, read_revision, upgrade_to_head
from tests.patience import PATIENCE_SECONDS

PROJECT_ROOT = Path(__file__).resolve().parents[3]
UPGRADE_WHEN_TOLD = """
import pathlib, sys, time
import alembic.command
from db.engine import make_engine
from db.upgrade import upgrade_to_head
url, gate = sys.argv[1], pathlib.Path(sys.argv[2])
print("ready", flush=True)
while not gate.exists():
    time.sleep(0.001)
upgrade_to_head(make_engine(url))
"""

BATCH_OF_0013 = (
    "INSERT INTO model_version (id, name, checkpoint_hash, folder, card, created_at) "
    "VALUES (1, 'm', 'h', '/m', '{}', :moment)",
    "INSERT INTO operating_point (id, checkpoint_hash, name, version, threshold, uncertain_low, "
    "uncertain_high, rule, chosen_on, created_at) VALUES (1, 'h', 'p', 1, 0.5, 0.4, 0.6, 'r', 'c', :moment)",
    "INSERT INTO batch (id, source, model_version_id, operating_point_id, request, num_done, state, "
    "stop_requested, created_at) VALUES ('b', 's', 1, 1, '{}', 5, 'completed', false, :moment)",
)


def file_engine(path: Path):
    """Return an engine on the file that loses patience quickly."""
    return make_engine(f"sqlite:///{path}", busy_timeout_seconds=0.2)


def test_the_migrations_make_exactly_the_models(engine):
    """After the upgrade nothing is left that Alembic would change to reach the models."""
    upgrade_to_head(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_stated_head_is_the_last_migration():
    """The constant that makes the start cheap names the newest migration, and there is only one line of them."""
    assert ScriptDirectory(str(SCRIPT_FOLDER)).get_heads() == [HEAD_REVISION]


def test_a_second_upgrade_changes_nothing(engine):
    """Upgrading a database at head keeps its rows and its revision."""
    upgrade_to_head(engine)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO cohort VALUES (1, 'f', '/films', 3, '{}', :moment)"), {"moment": "2026-01-01 00:00:00"}
        )
    upgrade_to_head(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT num_images FROM cohort")).scalar() == 3
    assert read_revision(engine) == HEAD_REVISION


def test_head_is_seen_without_loading_alembic(tmp_path):
    """A process that finds the database at head never imports Alembic."""
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    upgrade_to_head(make_engine(url))
    code = (
        "import sys; from db.engine import make_engine; from db.upgrade import upgrade_to_head; "
        f"upgrade_to_head(make_engine({url!r})); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_processes_that_start_at_once_all_succeed(database_url, tmp_path):
    """Four processes upgrading one new database at the same moment all end well and leave one schema."""
    gate = tmp_path / "go"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE_WHEN_TOLD, database_url, gate],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    gate.touch()
    ends = [process.communicate(timeout=PATIENCE_SECONDS) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], ends
    engine = make_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD_REVISION]
    engine.dispose()


def test_an_upgrade_waits_for_the_one_before(postgres_url):
    """On PostgreSQL an upgrade waits while another process holds the upgrade lock, and then succeeds."""
    engine = make_engine(postgres_url)
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(:key)"), {"key": POSTGRES_LOCK_KEY})
        holder.commit()
        thread = threading.Thread(target=upgrade_to_head, args=(engine,))
        thread.start()
        while thread.is_alive() and not holder.execute(waiting).scalar():
            time.sleep(0.01)
        assert thread.is_alive()
        assert inspect(holder).get_table_names() == []
        holder.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": POSTGRES_LOCK_KEY})
        holder.commit()
    thread.join()
    assert read_revision(engine) == HEAD_REVISION
    engine.dispose()


REBUILD_RUN = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "next", {head!r}
def upgrade():
    with op.batch_alter_table("run", recreate="auto") as table:
        table.alter_column("name", type_=sa.String(200))
"""


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(engine, tmp_path, monkeypatch):
    """A later migration that rebuilds the table of runs loses none of their metrics; foreign keys hold again."""
    upgrade_to_head(engine)
    with session_factory(engine).begin() as session:
        session.add(
            Run(id="r", name="r", config={}, cohort_fingerprint="", split_fingerprint="", environment={}, folder="")
        )
        session.flush()
        session.add(RunMetric(run_id="r", name="loss", epoch=1, value=0.5))
    scripts = shutil.copytree(SCRIPT_FOLDER, tmp_path / "migrations")
    (scripts / "versions" / "next.py").write_text(REBUILD_RUN.format(head=HEAD_REVISION))
    monkeypatch.setattr(db.upgrade, "SCRIPT_FOLDER", scripts)
    monkeypatch.setattr(db.upgrade, "HEAD_REVISION", "next")
    upgrade_to_head(engine)
    assert read_revision(engine) == "next"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM run_metric")).scalar() == 1
        with pytest.raises(IntegrityError):
            connection.execute(text("INSERT INTO run_metric VALUES ('missing', 'loss', 1, 0.5)"))


def test_a_failed_upgrade_leaves_the_database_as_it_was(engine, monkeypatch):
    """If anything goes wrong before the commit no table remains, and the next attempt succeeds."""

    def fail(_connection):
        raise DatabaseProblem("it went wrong")

    with monkeypatch.context() as patch:
        patch.setattr(db.upgrade, "refuse_broken_references", fail)
        with pytest.raises(DatabaseProblem, match="it went wrong"):
            upgrade_to_head(engine)
    assert inspect(engine).get_table_names() == []
    upgrade_to_head(engine)
    assert "reading" in inspect(engine).get_table_names()


def test_the_schema_can_be_taken_back(engine):
    """Stepping down to nothing leaves only Alembic's own table, so that each step has its way back."""
    upgrade_to_head(engine)
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_a_newer_schema_is_a_sentence_and_left_alone(engine):
    """A database of a newer version is refused by naming its schema, and not touched."""
    upgrade_to_head(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseProblem, match=r"9999.*newer"):
        upgrade_to_head(engine)
    assert read_revision(engine) == "9999"


def test_another_programs_database_is_a_sentence_and_left_alone(engine):
    """Tables that are not ours are never mixed with ours."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id INTEGER PRIMARY KEY)"))
    with pytest.raises(DatabaseProblem, match=r"did not make \(invoices\)"):
        upgrade_to_head(engine)
    assert inspect(engine).get_table_names() == ["invoices"]


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, bytes(range(256)) * 40, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_a_sentence(tmp_path, content):
    """Text, noise or zeros where the database should be are named as damaged, and the file stays as it is."""
    path = tmp_path / "desk.db"
    path.write_bytes(content)
    with pytest.raises(DatabaseProblem, match=r"desk\.db is damaged"):
        upgrade_to_head(file_engine(path))
    assert path.read_bytes() == content


def test_a_database_damaged_inside_is_a_sentence(tmp_path):
    """A good header with the rest overwritten is named as damaged."""
    path = tmp_path / "desk.db"
    engine = file_engine(path)
    upgrade_to_head(engine)
    engine.dispose()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    with pytest.raises(DatabaseProblem, match=r"desk\.db is damaged"):
        upgrade_to_head(file_engine(path))


def test_a_cut_database_is_a_sentence(tmp_path):
    """A database of which only the first part was copied is named as damaged."""
    path = tmp_path / "desk.db"
    engine = file_engine(path)
    upgrade_to_head(engine)
    engine.dispose()
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DatabaseProblem, match=r"desk\.db is damaged"):
        upgrade_to_head(file_engine(path))


def test_a_folder_in_place_of_the_file_is_a_sentence(tmp_path):
    """A folder with the database's name cannot be opened, and that is said."""
    (tmp_path / "desk.db").mkdir()
    with pytest.raises(DatabaseProblem, match="cannot be written"):
        upgrade_to_head(file_engine(tmp_path / "desk.db"))


def test_a_database_that_stays_locked_is_a_sentence(tmp_path):
    """An upgrade that waited in vain for another process says so."""
    path = tmp_path / "desk.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseProblem, match="held by another process"):
        upgrade_to_head(file_engine(path))
    holder.close()


def test_an_empty_file_becomes_a_database(tmp_path):
    """A file of no bytes is a new database, as SQLite itself holds."""
    (tmp_path / "desk.db").touch()
    engine = file_engine(tmp_path / "desk.db")
    upgrade_to_head(engine)
    assert read_revision(engine) == HEAD_REVISION


def test_readings_of_the_first_schema_become_studies(engine):
    """A database of the first schema is upgraded with its readings: each is a study, of its content if it has any."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO model_version VALUES (1, 'm', 'h', NULL, '/m', '{}', :moment)",
            "INSERT INTO operating_point VALUES (1, 'h', 'p', 0.5, 0.4, 0.6, 'r', 'c', :moment)",
            "INSERT INTO batch (id, source, model_version_id, operating_point_id, request, num_done, state, "
            "stop_requested, created_at) VALUES ('b', 's', 1, 1, '{}', 2, 'completed', false, :moment)",
            "INSERT INTO reading (id, batch_id, file, file_hash, status, reason_code, reason, priority, rank_order, "
            "created_at) VALUES (1, 'b', 'a.png', 'abc', 'read', 'c', 'r', 'urgent', 0, :moment)",
            "INSERT INTO reading (id, batch_id, file, status, reason_code, reason, priority, rank_order, created_at) "
            "VALUES (2, 'b', 'b.png', 'failed', 'c', 'r', 'review', 4, :moment)",
        ):
            connection.execute(text(statement), moment)
    upgrade_to_head(engine)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, study, file FROM reading ORDER BY id")).fetchall()
    study = key_of("name", "abc", "", "a.png")
    assert [tuple(row) for row in rows] == [(1, study, "a.png"), (2, "reading-2", "b.png")]


def test_operating_points_of_one_name_become_versions(engine):
    """A database whose checkpoints had several points of one name keeps them all, numbered in the order they came."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    points = [(1, "h", "youden", 0.5), (2, "h", "youden", 0.6), (3, "h", "other", 0.5), (4, "g", "youden", 0.5)]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for number, checkpoint, name, threshold in points:
            connection.execute(
                text("INSERT INTO operating_point VALUES (:i, :h, :n, :t, 0.1, 0.9, 'r', 'c', '2026-01-01 00:00:00')"),
                {"i": number, "h": checkpoint, "n": name, "t": threshold},
            )
    upgrade_to_head(engine)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, version FROM operating_point ORDER BY id")).fetchall()
    assert [tuple(row) for row in rows] == [(1, 1), (2, 2), (3, 1), (4, 1)]


def test_deletions_are_kept_by_batches_of_before(engine):
    """Batches from before deletions could be undone are on the lists after the upgrade, and after the way back too."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
        for statement in BATCH_OF_0013:
            connection.execute(text(statement), {"moment": "2026-01-01 00:00:00+00:00"})
    upgrade_to_head(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT id, deleted_at FROM batch")).fetchall() == [("b", None)]
        connection.execute(text("UPDATE batch SET deleted_at = '2026-01-02 00:00:00+00:00'"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0014")
        assert connection.execute(text("SELECT id, state FROM batch")).fetchall() == [("b", "completed")]


def test_work_of_before_hosts_were_recorded_has_none_and_the_way_back_keeps_it(engine):
    """Running work of an older version is there after the upgrade, without a host and with its process, and after the
    way back."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    process = "SET state = 'running', pid = 7, process_started = 2.5, boot_id = 'boot'"
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0016")
        moment = {"moment": "2026-01-01 00:00:00+00:00"}
        for statement in BATCH_OF_0013:
            connection.execute(text(statement), moment)
        connection.execute(text(f"UPDATE batch {process}"))
        connection.execute(
            text(
                "INSERT INTO idempotent_request (sender, key, fingerprint, created_at) VALUES ('s', 'k', 'f', :moment)"
            ),
            moment,
        )
    upgrade_to_head(engine)
    with engine.begin() as connection:
        rows = "SELECT state, pid, process_started, boot_id, host, num_attempts, stop_requested_at FROM batch"
        assert connection.execute(text(rows)).fetchall() == [("running", 7, 2.5, "boot", None, 0, None)]
        assert connection.execute(text("SELECT key, host, promised FROM idempotent_request")).fetchall() == [
            ("k", None, None)
        ]
        config.attributes["connection"] = connection
        command.downgrade(config, "0016")
        assert connection.execute(text("SELECT state, pid, boot_id FROM batch")).fetchall() == [("running", 7, "boot")]
        assert connection.execute(text("SELECT key FROM idempotent_request")).fetchall() == [("k",)]


def test_cards_as_first_known_come_and_go_without_the_rest(engine):
    """The step that keeps cards as first known starts with none, refuses two of one model, and can be undone."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    card = text(
        "INSERT INTO kept_card (model, checkpoint_hash, card_hash, created_at) VALUES ('run:r', 'h', :card, :moment)"
    )
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0017")
        for statement in BATCH_OF_0013:
            connection.execute(text(statement), moment)
    upgrade_to_head(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept_card")).scalar() == 0
        connection.execute(card, {**moment, "card": "first"})
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(card, {**moment, "card": "second"})
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0017")
        assert "kept_card" not in inspect(connection).get_table_names()
        assert connection.execute(text("SELECT id FROM batch")).fetchall() == [("b",)]


def test_readings_get_their_place_back(engine):
    """The step that takes away the second order of readings can be undone: the places are as they were written."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    rows = [("read", "urgent", 0), ("read", "review", 1), ("read", "routine", 2), ("rejected", "review", 3)]
    rows.append(("failed", "review", 4))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0013")
        moment = {"moment": "2026-01-01 00:00:00+00:00"}
        for statement in BATCH_OF_0013:
            connection.execute(text(statement), moment)
        for status, priority, place in rows:
            connection.execute(
                text(
                    "INSERT INTO reading (batch_id, file, status, reason_code, reason, priority, rank_order, study, "
                    "created_at) VALUES ('b', :file, :status, 'c', 'r', :priority, :place, 's', :moment)"
                ),
                {**moment, "file": f"{place}", "status": status, "priority": priority, "place": place},
            )
    upgrade_to_head(engine)
    assert "rank_order" not in {column["name"] for column in inspect(engine).get_columns("reading")}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0013")
        found = connection.execute(text("SELECT status, priority, rank_order FROM reading ORDER BY file")).fetchall()
    assert [tuple(row) for row in found] == rows


def key_of(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


STUDIES_OF_0015 = (
    # One content under two names, one alone, and two files without an image that are alike.
    (1, "b", "a.png", "c1", "read"),
    (2, "b", "b.png", "c1", "read"),
    (3, "b", "c.png", "c2", "read"),
    (4, "b", "d.png", "c3", "failed"),
    (5, "b", "e.png", "c3", "failed"),
)
VERDICTS_OF_0015 = (
    # id, study, reading, undoes: on a reading each, of readings that are gone, and one undone.
    (1, "c1", 1, None),
    (2, "c1", 2, None),
    (3, "c2", None, None),
    (4, "c1", None, None),
    (5, "c3", 5, None),
    (6, "c1", 2, 2),
)


def test_findings_stay_on_the_study_on_which_they_were_given(engine):
    """One content under two names becomes two studies, each with the findings on its own reading, and back again."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    names = {"a.png": "c1", "b.png": "c1", "c.png": "c2"}
    studies = {file: key_of("name", content, "", file) for file, content in names.items()}
    studies |= {file: key_of("file", "b", file) for file in ("d.png", "e.png")}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
        for statement in BATCH_OF_0013:
            connection.execute(text(statement), moment)
        for number, batch, file, content, status in STUDIES_OF_0015:
            connection.execute(
                text(
                    "INSERT INTO reading (id, batch_id, file, file_hash, status, reason_code, reason, priority, study, "
                    "created_at) VALUES (:id, :batch, :file, :content, :status, 'c', 'r', 'review', :content, :moment)"
                ),
                {**moment, "id": number, "batch": batch, "file": file, "content": content, "status": status},
            )
        for number, study, reading, undone in VERDICTS_OF_0015:
            connection.execute(
                text(
                    "INSERT INTO verdict (id, study, reading_id, reader, verdict, note, undoes_id, created_at) "
                    "VALUES (:id, :study, :reading, 'Ada', :verdict, '', :undone, :moment)"
                ),
                {
                    **moment,
                    "id": number,
                    "study": study,
                    "reading": reading,
                    "verdict": None if undone else "normal",
                    "undone": undone,
                },
            )
        connection.execute(
            text(
                "INSERT INTO assignment (study, assigned_to, assigned_by, created_at) "
                "VALUES ('c1', 'Ada', 'Bob', :moment)"
            ),
            moment,
        )
    upgrade_to_head(engine)
    with engine.connect() as connection:
        found = dict(connection.execute(text("SELECT file, study FROM reading")).fetchall())
        assert found == studies and len(set(found.values())) == 5
        said = connection.execute(text("SELECT id, study FROM verdict ORDER BY id")).fetchall()
        # The fourth was said of a reading that is gone, of one of two studies: it is on no list.
        expected = [studies[file] for file in ("a.png", "b.png", "c.png")] + ["c1", studies["e.png"], studies["b.png"]]
        assert [study for _, study in said] == expected
        given = connection.execute(text("SELECT study, assigned_to FROM assignment ORDER BY id")).fetchall()
        assert sorted(given) == sorted((studies[file], "Ada") for file in ("a.png", "b.png"))
    with engine.connect() as connection, pytest.raises(DBAPIError, match="can only be added to"):
        connection.execute(text("UPDATE verdict SET study = 'x'"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0015")
        back = connection.execute(text("SELECT study FROM reading ORDER BY id")).scalars().all()
        assert back == [content for _, _, _, content, _ in STUDIES_OF_0015]
        back = connection.execute(text("SELECT study FROM verdict ORDER BY id")).scalars().all()
        assert back == [study for _, study, _, _ in VERDICTS_OF_0015]
    with engine.connect() as connection, pytest.raises(DBAPIError, match="can only be added to"):
        connection.execute(text("UPDATE assignment SET study = 'x'"))


def test_reasons_keep_their_sentences_and_give_codes_back(engine):
    """A reading from before has its sentence and no codes; undone, a newer one says the kind of its reason."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    reading = (
        "INSERT INTO reading (batch_id, file, status, reason_code, reason, priority, study, created_at) "
        "VALUES ('b', '{}', 'rejected', 'blank', '{}', 'review', 's', :moment)"
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0017")
        for statement in (*BATCH_OF_0013, reading.format("old.png", "the picture is blank")):
            connection.execute(text(statement), moment)
    upgrade_to_head(engine)
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT reason, reasons FROM reading WHERE file = 'old.png'")).one()
        assert tuple(kept) == ("the picture is blank", None)
        connection.execute(text(reading.format("new.png", "")), moment)
        connection.execute(text("UPDATE reading SET reasons = '[]' WHERE file = 'new.png'"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0017")
        rows = connection.execute(text("SELECT file, reason FROM reading")).all()
    assert {tuple(row) for row in rows} == {("old.png", "the picture is blank"), ("new.png", "blank")}


RUN_OF_0019 = (
    "INSERT INTO run (id, name, config, cohort_fingerprint, split_fingerprint, environment, folder, summary, device, "
    "num_attempts, stop_requested, state, error, failure, created_at) VALUES ('{}', 'r', '{{}}', 'c', 's', '{{}}', "
    "'/r', '{{}}', 'cpu', 0, false, 'failed', {}, {}, :moment)"
)
SWEEP_OF_0019 = (
    "INSERT INTO sweep (id, name, kind, request, num_trials, is_open, error, created_at) "
    "VALUES ('w', 'w', 'grid', '{}', 3, false, 'Three failed.', :moment)"
)


def test_ends_of_work_keep_their_sentences_and_give_codes_back(engine):
    """Sentences from before are kept as `said`; undone they are sentences again, and a newer row says its code."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    failure = {"kind": "disk full", "explanation": "It is full.", "next_step": "Free it.", "log": "end"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0019")
        for statement in (*BATCH_OF_0013, "UPDATE batch SET error = 'No space.'", SWEEP_OF_0019):
            connection.execute(text(statement), moment)
        connection.execute(
            text(RUN_OF_0019.format("old", "'It is full.'", ":failure")), moment | {"failure": json.dumps(failure)}
        )
        connection.execute(text(RUN_OF_0019.format("new", "NULL", "NULL")), moment)
    upgrade_to_head(engine)
    with session_factory(engine)() as session:
        assert say(session.get_one(Batch, "b").reasons) == "No space."
        assert say(session.get_one(Sweep, "w").reasons) == "Three failed."
        old, new = session.get_one(Run, "old"), session.get_one(Run, "new")
        assert asdict(failure_in_words(old)) == failure
        assert (new.reasons, new.failure) == (None, None)
        lost = vanished(Gone.REBOOTED, None)
        new.reasons, new.failure = store([lost.explanation]), lost.document()
        session.commit()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0019")
        rows = connection.execute(text("SELECT id, error, failure FROM run ORDER BY id")).all()
        assert connection.execute(text("SELECT error FROM batch")).scalar() == "No space."
        assert connection.execute(text("SELECT error FROM sweep")).scalar() == "Three failed."
    kept = {
        row.id: (row.error, row.failure if isinstance(row.failure, dict) else json.loads(row.failure)) for row in rows
    }
    assert kept["old"] == ("It is full.", failure)
    told = {"kind": "lost power", "explanation": "run lost", "next_step": "next step", "log": ""}
    assert kept["new"] == ("run lost", told)


def test_ends_of_imported_runs_become_codes_and_back_and_stay_guarded(engine):
    """A run that was made elsewhere and failed stops no upgrade, and after it and its undoing nothing may change it."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0019")
        connection.execute(text(RUN_OF_0019.format("far", "'It is full.'", "NULL")), moment)
        connection.execute(text("INSERT INTO imported_record VALUES ('far', 'h', '{}', :moment)"), moment)
    upgrade_to_head(engine)
    with session_factory(engine)() as session:
        assert say(session.get_one(Run, "far").reasons) == "It is full."
    change = text("UPDATE run SET name = 'other'")
    with engine.connect() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(change)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0019")
        assert connection.execute(text("SELECT error FROM run")).scalar() == "It is full."
    with engine.connect() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(change)


MAPS_OF_0020 = {
    # As they were rounded, as older desks kept them, of a cropped image, of one row, and empty.
    "rounded": np.round(np.random.default_rng(1).random((7, 7)), 3).tolist(),
    "single": np.random.default_rng(2).random((7, 7), dtype=np.float32).astype(float).tolist(),
    "double": np.random.default_rng(3).random((4, 4)).tolist(),
    "placed": np.pad(np.round(np.random.default_rng(4).random((20, 18)), 3), ((4, 4), (3, 7))).tolist(),
    "row": [[0.25, 1]],
    "empty": [[0.0, 0.0], [0.0, 0.0]],
}


def _keep_maps_of_0020(connection):
    """Write a reading and a single image of each map, and of none, as schema 0020 kept them."""
    moment = {"moment": "2026-01-01 00:00:00+00:00"}
    for statement in BATCH_OF_0013:
        connection.execute(text(statement), moment)
    maps = {name: json.dumps(cells) for name, cells in MAPS_OF_0020.items()}
    for name, kept in (maps | {"none": None, "null": "null"}).items():
        connection.execute(
            text(
                "INSERT INTO reading (batch_id, file, status, reason_code, reason, priority, study, activation_map, "
                "created_at) VALUES ('b', :name, 'read', 'normal', '', 'routine', 's', :kept, :moment)"
            ),
            moment | {"name": name, "kept": kept},
        )
        connection.execute(
            text(
                "INSERT INTO prediction (id, status, reason_code, reason, priority, activation_map, model_version_id, "
                "operating_point_id, engine, created_at) "
                "VALUES (:name, 'read', 'normal', '', 'routine', :kept, 1, 1, 'e', :moment)"
            ),
            moment | {"name": name, "kept": kept},
        )


def test_heatmaps_are_the_same_before_and_after(engine, monkeypatch):
    """Each map draws the same picture, to the bit, as it did from its list of numbers; undone, the numbers are back."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPT_FOLDER))
    step = ScriptDirectory(str(SCRIPT_FOLDER)).get_revision("0021").module
    # Fewer than there are rows: more than one page is read.
    monkeypatch.setattr(step, "ROWS_AT_ONCE", 2)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0020")
        _keep_maps_of_0020(connection)
        command.upgrade(config, "0021")
    upgrade_to_head(engine)
    expected = {name: Heatmap(np.array(cells, dtype=np.float32)).png() for name, cells in MAPS_OF_0020.items()}
    with session_factory(engine)() as session:
        for kept in (
            {row.file: row for row in session.query(Reading)},
            {row.id: row for row in session.query(Prediction)},
        ):
            heatmaps = {name: Heatmap.kept(row.activation_map) for name, row in kept.items()}
            assert (heatmaps.pop("none"), heatmaps.pop("null")) == (None, None)
            assert {name: heatmap.png() for name, heatmap in heatmaps.items()} == expected
            assert heatmaps["empty"].is_empty
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0020")
        for table, name in (("reading", "file"), ("prediction", "id")):
            rows = connection.execute(text(f"SELECT {name}, activation_map FROM {table}")).all()
            kept = {name: json.loads(cells) if isinstance(cells, str) else cells for name, cells in rows}
            assert (kept.pop("none"), kept.pop("null")) == (None, None)
            assert kept["rounded"] == MAPS_OF_0020["rounded"] and kept["placed"] == MAPS_OF_0020["placed"]
            for name, cells in MAPS_OF_0020.items():
                assert np.array_equal(np.float32(kept[name]), np.float32(cells)), name
