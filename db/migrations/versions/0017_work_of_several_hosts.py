"""On which host work is carried out, the same columns for every kind of work, and what a request promised to make."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WORK = ("batch", "examination", "run")
OLD_WITHOUT = ("batch", "examination")


def upgrade() -> None:
    """Apply this step; of work that goes on nobody knows the host, so it is judged by its sign of life."""
    # Added in place: the tables' triggers stay as they are.
    for table in WORK:
        op.add_column(table, sa.Column("host", sa.String(length=128), nullable=True))
    for table in OLD_WITHOUT:
        op.add_column(table, sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("num_attempts", sa.Integer(), nullable=False, server_default="0"))
    for name, kind in (
        ("pid", sa.Integer()),
        ("process_started", sa.Double()),
        ("boot_id", sa.String(length=64)),
        ("host", sa.String(length=128)),
        ("promised", sa.String(length=64)),
    ):
        op.add_column("idempotent_request", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Take this step back."""
    for name in ("promised", "host", "boot_id", "process_started", "pid"):
        op.drop_column("idempotent_request", name)
    for table in OLD_WITHOUT:
        op.drop_column(table, "num_attempts")
        op.drop_column(table, "stop_requested_at")
    for table in WORK:
        op.drop_column(table, "host")
