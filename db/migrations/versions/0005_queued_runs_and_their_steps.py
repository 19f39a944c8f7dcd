"""What a queued run needs to be begun, watched and explained, and the numbers of its steps."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RUN_COLUMNS = ("data", "device", "queued_at", "stop_requested_at", "num_attempts", "progress", "failure")


def upgrade() -> None:
    """Apply this step."""
    op.add_column("run", sa.Column("data", sa.Text(), nullable=True))
    op.add_column("run", sa.Column("device", sa.String(length=32), server_default="cpu", nullable=False))
    op.add_column("run", sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("num_attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("run", sa.Column("progress", sa.JSON(), nullable=True))
    op.add_column("run", sa.Column("failure", sa.JSON(), nullable=True))
    op.create_table(
        "run_step",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("loss", sa.Double(), nullable=False),
        sa.Column("learning_rate", sa.Double(), nullable=False),
        sa.Column("films_per_second", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_step_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "step", name=op.f("pk_run_step")),
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("run_step")
    with op.batch_alter_table("run") as table:
        for column in RUN_COLUMNS:
            table.drop_column(column)
