"""Studies, verdicts, assignments, the list's rules, and an audit trail that can only grow."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY_COLUMNS = {
    # What a verdict says stays; only its reading may go, when the batch is deleted.
    "verdict": ("id", "study", "reader", "verdict", "note", "undoes_id", "probability", "finding", "created_at"),
    "assignment": ("id", "study", "assigned_to", "assigned_by", "created_at"),
    "worklist_rules": ("id", "document", "author", "created_at"),
    "audit_event": ("id", "actor", "action", "subject", "detail", "created_at"),
}
NEVER_DELETED = ("worklist_rules", "audit_event")


def upgrade() -> None:
    """Apply this step."""
    add_studies()
    op.create_table(
        "verdict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=64), nullable=False),
        sa.Column("reading_id", sa.Integer(), nullable=True),
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("checkpoint_hash", sa.String(length=64), nullable=True),
        sa.Column("operating_point_id", sa.Integer(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("finding", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["reading_id"], ["reading.id"], name=op.f("fk_verdict_reading_id_reading"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["verdict.id"], name=op.f("fk_verdict_undoes_id_verdict"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["operating_point_id"], ["operating_point.id"], name=op.f("fk_verdict_operating_point_id_operating_point")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_verdict_undoes_id")),
    )
    op.create_index("ix_verdict_study_reader", "verdict", ["study", "reader", "id"], unique=False)
    op.create_index(op.f("ix_verdict_reading_id"), "verdict", ["reading_id"], unique=False)
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=64), nullable=False),
        sa.Column("assigned_to", sa.String(length=128), nullable=True),
        sa.Column("assigned_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index("ix_assignment_study", "assignment", ["study", "id"], unique=False)
    op.create_table(
        "worklist_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklist_rules")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_action"), "audit_event", ["action"], unique=False)
    op.create_index(op.f("ix_audit_event_created_at"), "audit_event", ["created_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        forbid_on_postgresql()
    else:
        forbid_on_sqlite()


def add_studies() -> None:
    """Give each reading the study it is of: the film's content, or the row itself where the file had none."""
    op.add_column("reading", sa.Column("study", sa.String(length=64), nullable=True))
    op.add_column("reading", sa.Column("taken_over_from", sa.Integer(), nullable=True))
    op.execute("UPDATE reading SET study = COALESCE(file_hash, 'reading-' || id)")
    with op.batch_alter_table("reading") as table:
        table.alter_column("study", existing_type=sa.String(length=64), nullable=False)
    op.create_index("ix_reading_study", "reading", ["study", "id"], unique=False)


def forbid_on_sqlite() -> None:
    """Refuse changes and deletions, and also the replacing insert that fires no trigger of deletion."""
    for table, columns in APPEND_ONLY_COLUMNS.items():
        message = f"{table} can only be added to"
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
    for table in NEVER_DELETED:
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} can only be added to'); END"
        )


def forbid_on_postgresql() -> None:
    """Refuse changes, deletions and truncation."""
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% can only be added to', TG_TABLE_NAME; END $$"
    )
    for table, columns in APPEND_ONLY_COLUMNS.items():
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for table in NEVER_DELETED:
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Take this step back."""
    for table in reversed(APPEND_ONLY_COLUMNS):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
    op.drop_index("ix_reading_study", "reading")
    with op.batch_alter_table("reading") as table:
        table.drop_column("taken_over_from")
        table.drop_column("study")
