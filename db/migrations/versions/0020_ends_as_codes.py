"""Why work ended before its end as codes with values; sentences from before are kept as `said`."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ("batch", "examination", "run", "sweep")
GUARD = "run_imported_no_update"


def upgrade() -> None:
    """Apply this step."""
    _lift_guard()
    for name in TABLES:
        op.add_column(name, sa.Column("reasons", sa.JSON(), nullable=True))
        table = _table(name, "error")
        for row in _rows(table, table.c.error.is_not(None)):
            _set(table, row.id, reasons=[_said(row.error)])
        op.drop_column(name, "error")
    run = _table("run", "failure")
    for row in _rows(run, run.c.failure.is_not(None)):
        if row.failure is not None:
            kept = {name: row.failure[name] for name in ("kind", "log") if name in row.failure}
            _set(run, row.id, failure={**kept, "next_step": _said(row.failure.get("next_step", ""))})
    _guard()


def downgrade() -> None:
    """Take this step back; what has a code says the code instead of a sentence."""
    _lift_guard()
    for name in TABLES:
        op.add_column(name, sa.Column("error", sa.Text(), nullable=True))
        table = _table(name, "error")
        for row in _rows(table, table.c.reasons.is_not(None)):
            if row.reasons is not None:
                _set(table, row.id, error=_sentence(row.reasons))
    run = _table("run", "failure")
    for row in _rows(run, run.c.failure.is_not(None)):
        if row.failure is not None:
            failure = {
                "kind": row.failure.get("kind", "unknown"),
                "explanation": _sentence(row.reasons or []),
                "next_step": _sentence([row.failure["next_step"]]) if "next_step" in row.failure else "",
                "log": row.failure.get("log", ""),
            }
            _set(run, row.id, failure=failure)
    for name in TABLES:
        op.drop_column(name, "reasons")
    _guard()


def _lift_guard() -> None:
    """Imported runs say the same in another form: their guard would stop this step, and with it every upgrade."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(f"DROP TRIGGER {GUARD}" + (" ON run" if on_postgresql else ""))


def _guard() -> None:
    """Let nothing change imported runs, as before this step."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE TRIGGER {GUARD} BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION {GUARD}()")
    else:
        is_imported = "EXISTS (SELECT 1 FROM imported_record WHERE run_id = OLD.id)"
        op.execute(
            f"CREATE TRIGGER {GUARD} BEFORE UPDATE ON run WHEN {is_imported} "
            "BEGIN SELECT RAISE(ABORT, 'an imported record is never changed'); END"
        )


def _table(name: str, column: str) -> sa.TableClause:
    kind = sa.Text() if column == "error" else sa.JSON()
    return sa.table(name, sa.column("id", sa.String()), sa.column(column, kind), sa.column("reasons", sa.JSON()))


def _rows(table: sa.TableClause, condition: sa.ColumnElement[bool]) -> list[Any]:
    return list(op.get_bind().execute(sa.select(table).where(condition)))


def _set(table: sa.TableClause, key: str, **values: Any) -> None:
    op.get_bind().execute(sa.update(table).where(table.c.id == key).values(**values))


def _said(sentence: str) -> dict[str, Any]:
    return {"code": "said", "values": {"sentence": sentence}}


def _sentence(reasons: list[dict[str, Any]]) -> str:
    return " ".join(
        reason["values"]["sentence"] if reason["code"] == "said" else reason["code"].replace("_", " ")
        for reason in reasons
    )
