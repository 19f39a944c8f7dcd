"""A study is a file's content with its patient and instance, no longer the content alone.

Findings stay with the reading on which they were given. Where that was deleted they go to the content's only study; if
the content came under several names, nobody can tell of which of them they were said: they stay in the table and are on
no list. Assignments go to every study that their content has become.
"""

import hashlib
import json
import unicodedata
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

GUARDED = {
    "verdict": ("id", "study", "reader", "verdict", "note", "undoes_id", "probability", "finding", "created_at"),
    "assignment": ("id", "study", "assigned_to", "assigned_by", "created_at"),
}
ROWS_AT_ONCE = 1000


def upgrade() -> None:
    """Apply this step."""
    for name, length in (("patient", 32), ("instance", 32), ("image_hash", 64)):
        op.add_column("reading", sa.Column(name, sa.String(length=length), nullable=True))
    op.create_index(op.f("ix_reading_image_hash"), "reading", ["image_hash"], unique=False)
    fresh_of_reading: dict[int, str] = {}
    fresh_of_study: dict[str, set[str]] = defaultdict(set)
    for row in _rows("SELECT id, batch_id, file, file_hash, status, reason_code, study FROM reading"):
        fresh = _study(row) if row.file_hash else row.study
        fresh_of_reading[row.id] = fresh
        fresh_of_study[row.study].add(fresh)
    _lift_guards()
    _move("reading", fresh_of_reading)
    _move("verdict", _of_findings(fresh_of_reading, fresh_of_study))
    _spread_assignments(fresh_of_study)
    _guard()


def downgrade() -> None:
    """Take this step back: all files of one content are one study again."""
    content_of_study, content_of_reading = {}, {}
    for row in _rows("SELECT id, file_hash, study FROM reading WHERE file_hash IS NOT NULL"):
        content_of_study[row.study] = content_of_reading[row.id] = row.file_hash
    _lift_guards()
    _move("reading", content_of_reading)
    for table in GUARDED:
        rows = _rows(f"SELECT id, study FROM {table}")
        _move(table, {row.id: content_of_study[row.study] for row in rows if row.study in content_of_study})
    _guard()
    op.drop_index(op.f("ix_reading_image_hash"), table_name="reading")
    for name in ("image_hash", "instance", "patient"):
        op.drop_column("reading", name)


def _study(row: sa.Row) -> str:
    """Return the study of a reading from before patients and instances were kept: its content under its name.

    Of a file without an image, or a blank one, the content tells nobody apart: it is a study of its batch alone.
    """
    if row.status == "failed" or row.reason_code == "blank":
        parts = ["file", row.batch_id, row.file]
    else:
        parts = ["name", row.file_hash, "", unicodedata.normalize("NFC", row.file)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _of_findings(fresh_of_reading: dict[int, str], fresh_of_study: dict[str, set[str]]) -> dict[int, str]:
    """Return the study of each finding; a row that takes one back goes with it."""
    found: dict[int, str] = {}
    for row in _rows("SELECT id, study, reading_id, undoes_id FROM verdict ORDER BY id"):
        only = fresh_of_study[row.study] if len(fresh_of_study[row.study]) == 1 else {row.study}
        found[row.id] = found.get(row.undoes_id) or fresh_of_reading.get(row.reading_id) or next(iter(only))
    return found


def _spread_assignments(fresh_of_study: dict[str, set[str]]) -> None:
    moved, added = {}, []
    for row in _rows("SELECT id, study, assigned_to, assigned_by, created_at FROM assignment ORDER BY id"):
        for number, study in enumerate(sorted(fresh_of_study[row.study])):
            if number == 0:
                moved[row.id] = study
            else:
                added.append({**row._mapping, "study": study})
    _move("assignment", moved)
    if added:
        columns = [sa.column(name) for name in ("study", "assigned_to", "assigned_by", "created_at")]
        insert = sa.insert(sa.table("assignment", *columns))
        op.get_bind().execute(insert, [{column.name: row[column.name] for column in columns} for row in added])


def _rows(query: str) -> list[sa.Row]:
    return list(op.get_bind().execute(sa.text(query)))


def _move(table: str, study_of: dict[int, str]) -> None:
    """Write the study of each row."""
    rows = [{"row": row, "study": study} for row, study in study_of.items()]
    for first in range(0, len(rows), ROWS_AT_ONCE):
        op.get_bind().execute(
            sa.text(f"UPDATE {table} SET study = :study WHERE id = :row"), rows[first : first + ROWS_AT_ONCE]
        )


def _lift_guards() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in GUARDED:
        op.execute(f"DROP TRIGGER {table}_no_update" + (f" ON {table}" if on_postgresql else ""))


def _guard() -> None:
    """Let rows be added only, as they were before this step."""
    for table, columns in GUARDED.items():
        event = f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"{event}FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        else:
            op.execute(f"{event}BEGIN SELECT RAISE(ABORT, '{table} can only be added to'); END")
