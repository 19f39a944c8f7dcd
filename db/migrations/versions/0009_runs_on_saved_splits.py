"""Which saved split a run is made on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.add_column("run", sa.Column("split_name", sa.String(length=128), nullable=True))


def downgrade() -> None:
    """Take this step back; SQLite drops a column without rebuilding the table, so that its triggers stay."""
    op.drop_column("run", "split_name")
