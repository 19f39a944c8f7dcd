"""Models that were promoted under a name, and the history of the active one."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEPT = "id, name, version, checkpoint_hash, card_hash, operating_point_id, source, notes, promoted_by, created_at"
# Table, name of the trigger, what is refused.
GUARDED = (
    ("promoted_version", "promoted_version_no_update", f"UPDATE OF {KEPT}", "a promoted model is never changed"),
    ("promoted_version", "promoted_version_no_delete", "DELETE", "a promoted model is never deleted, only archived"),
    ("model_activation", "model_activation_no_update", "UPDATE", "the history of the active model is never changed"),
    ("model_activation", "model_activation_no_delete", "DELETE", "the history of the active model is never changed"),
)


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "promoted_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("checkpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("card_hash", sa.String(length=64), nullable=False),
        sa.Column("operating_point_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("promoted_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["operating_point_id"],
            ["operating_point.id"],
            name=op.f("fk_promoted_version_operating_point_id_operating_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promoted_version")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_promoted_version_name_version")),
    )
    op.create_index(op.f("ix_promoted_version_checkpoint_hash"), "promoted_version", ["checkpoint_hash"])
    op.create_table(
        "model_activation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_activation")),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, name, event, message in GUARDED:
        if is_postgresql:
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION '{message}'; END $$"
            )
            op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
        else:
            op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def downgrade() -> None:
    """Take this step back; the folders of the models stay."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, name, _, _ in GUARDED:
        op.execute(f"DROP TRIGGER {name} ON {table}" if is_postgresql else f"DROP TRIGGER {name}")
        if is_postgresql:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("model_activation")
    op.drop_index(op.f("ix_promoted_version_checkpoint_hash"), table_name="promoted_version")
    op.drop_table("promoted_version")
