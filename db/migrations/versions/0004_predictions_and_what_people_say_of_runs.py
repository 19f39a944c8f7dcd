"""Predictions of labelled films, versions of operating points, and what people say of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FILM_SET_COLUMNS = ("id", "fingerprint", "num_films", "films")
PREDICTION_SET_COLUMNS = (
    *("id", "checkpoint_hash", "split", "film_set_id", "cohort_fingerprint", "engine"),
    *("slope", "intercept", "logits", "report", "created_at"),
)
OPERATING_POINT_COLUMNS = (
    *("id", "checkpoint_hash", "name", "threshold", "uncertain_low", "uncertain_high"),
    *("rule", "chosen_on", "version", "created_at"),
)
EVALUATION_COLUMNS = (*("id", "checkpoint_hash", "cohort_fingerprint", "split", "report", "occasion", "created_at"),)
UNCHANGING_COLUMNS = {
    "film_set": FILM_SET_COLUMNS,
    "prediction_set": PREDICTION_SET_COLUMNS,
    "operating_point": OPERATING_POINT_COLUMNS,
    "evaluation": EVALUATION_COLUMNS,
}
NEVER_DELETED = ("operating_point", "evaluation")


def upgrade() -> None:
    """Apply this step."""
    create_prediction_tables()
    create_annotation_tables()
    op.create_index("ix_run_created_at", "run", ["created_at"], unique=False)
    op.add_column("evaluation", sa.Column("occasion", sa.String(length=16), server_default="read", nullable=False))
    op.add_column("operating_point", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.execute(
        "UPDATE operating_point SET version = (SELECT count(*) FROM operating_point AS other WHERE "
        "other.checkpoint_hash = operating_point.checkpoint_hash AND other.name = operating_point.name "
        "AND other.id <= operating_point.id)"
    )
    op.create_index(
        "ix_operating_point_version", "operating_point", ["checkpoint_hash", "name", "version"], unique=True
    )
    if op.get_bind().dialect.name == "postgresql":
        forbid_on_postgresql()
    else:
        forbid_on_sqlite()


def create_prediction_tables() -> None:
    """Create the film sets and what models said of them."""
    op.create_table(
        "film_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("num_films", sa.Integer(), nullable=False),
        sa.Column("films", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_film_set")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_film_set_fingerprint")),
    )
    op.create_table(
        "prediction_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("split", sa.String(length=64), nullable=False),
        sa.Column("film_set_id", sa.Integer(), nullable=False),
        sa.Column("cohort_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("slope", sa.Double(), nullable=False),
        sa.Column("intercept", sa.Double(), nullable=False),
        sa.Column("logits", sa.LargeBinary(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["film_set_id"], ["film_set.id"], name=op.f("fk_prediction_set_film_set_id_film_set")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction_set")),
        sa.UniqueConstraint(
            "checkpoint_hash",
            "split",
            "film_set_id",
            name=op.f("uq_prediction_set_checkpoint_hash_split_film_set_id"),
        ),
    )
    op.create_index(op.f("ix_prediction_set_film_set_id"), "prediction_set", ["film_set_id"], unique=False)


def create_annotation_tables() -> None:
    """Create what people say of runs."""
    op.create_table(
        "run_annotation",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("starred", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_annotation_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_annotation")),
    )
    op.create_table(
        "run_tag",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_tag_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag", name=op.f("pk_run_tag")),
    )
    op.create_index(op.f("ix_run_tag_tag"), "run_tag", ["tag"], unique=False)


def forbid_on_sqlite() -> None:
    """Refuse changes and deletions, and also the replacing insert that fires no trigger of deletion."""
    for table, columns in UNCHANGING_COLUMNS.items():
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
    """Refuse changes, deletions and truncation; the function stands since the audit trail."""
    for table, columns in UNCHANGING_COLUMNS.items():
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
    for table in NEVER_DELETED:
        drop_triggers(table)
    for table in ("run_tag", "run_annotation", "prediction_set", "film_set"):
        op.drop_table(table)
    op.drop_index("ix_operating_point_version", "operating_point")
    with op.batch_alter_table("operating_point") as table:
        table.drop_column("version")
    with op.batch_alter_table("evaluation") as table:
        table.drop_column("occasion")
    op.drop_index("ix_run_created_at", "run")


def drop_triggers(table: str) -> None:
    """Let a table that stays be changed again."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for kind in ("no_update", "no_delete", "no_truncate" if on_postgresql else "no_replace"):
        op.execute(f"DROP TRIGGER {table}_{kind}" + (f" ON {table}" if on_postgresql else ""))
