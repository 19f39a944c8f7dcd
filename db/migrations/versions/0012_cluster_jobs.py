"""The cluster engine's job that carries out a run."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    # Added in place: the table's triggers stay as they are.
    op.add_column("run", sa.Column("job", sa.String(length=128), nullable=True))


def downgrade() -> None:
    """Take this step back."""
    op.drop_column("run", "job")
