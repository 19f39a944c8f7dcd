"""Runs that were made elsewhere, which nothing here may change.

A later step that rebuilds the table `run` on SQLite must create the triggers anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MESSAGE = "an imported record is never changed"
# Table, what it calls its run, and what is refused; OLD stands for rows that are there, NEW for rows to come.
GUARDED = (
    ("run", "id", "UPDATE", "OLD"),
    ("run", "id", "DELETE", "OLD"),
    ("run_metric", "run_id", "UPDATE", "OLD"),
    ("run_metric", "run_id", "DELETE", "OLD"),
    ("run_metric", "run_id", "INSERT", "NEW"),
    ("imported_record", "run_id", "UPDATE", "OLD"),
    ("imported_record", "run_id", "DELETE", "OLD"),
)


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "imported_record",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("document_hash", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_imported_record_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_imported_record")),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, column, event, row in GUARDED:
        name = f"{table}_imported_no_{event.lower()}"
        is_imported = f"EXISTS (SELECT 1 FROM imported_record WHERE run_id = {row}.{column})"
        if is_postgresql:
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF {is_imported} THEN RAISE EXCEPTION '{MESSAGE}'; END IF; "
                f"RETURN {'OLD' if event == 'DELETE' else 'NEW'}; END $$"
            )
            op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {is_imported} "
                f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            )


def downgrade() -> None:
    """Take this step back; imported runs stay as runs that may be changed."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, _, event, _ in GUARDED:
        name = f"{table}_imported_no_{event.lower()}"
        op.execute(f"DROP TRIGGER {name} ON {table}" if is_postgresql else f"DROP TRIGGER {name}")
        if is_postgresql:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("imported_record")
