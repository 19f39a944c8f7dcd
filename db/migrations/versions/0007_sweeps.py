"""Sweeps, and which run is which of their trials."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "sweep",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("num_trials", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
    )
    op.create_index(op.f("ix_sweep_created_at"), "sweep", ["created_at"], unique=False)
    op.create_index(op.f("ix_sweep_is_open"), "sweep", ["is_open"], unique=False)
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("sweep_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("trial_number", sa.Integer(), nullable=True))
        table.add_column(sa.Column("pruned_epoch", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f("fk_run_sweep_id_sweep"), "sweep", ["sweep_id"], ["id"], ondelete="SET NULL")
        table.create_index("ix_run_sweep_trial", ["sweep_id", "trial_number"], unique=True)


def downgrade() -> None:
    """Take this step back."""
    with op.batch_alter_table("run") as table:
        table.drop_index("ix_run_sweep_trial")
        table.drop_constraint(op.f("fk_run_sweep_id_sweep"), type_="foreignkey")
        table.drop_column("pruned_epoch")
        table.drop_column("trial_number")
        table.drop_column("sweep_id")
    op.drop_table("sweep")
