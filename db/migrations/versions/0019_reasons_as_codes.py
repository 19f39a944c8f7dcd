"""Reasons of readings as codes with values; rows from before keep their sentence."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    for table in ("reading", "prediction"):
        op.add_column(table, sa.Column("reasons", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take this step back; rows that have codes alone say the kind of their reason instead of a sentence."""
    for table in ("reading", "prediction"):
        op.execute(f"UPDATE {table} SET reason = reason_code WHERE reasons IS NOT NULL")
        op.drop_column(table, "reasons")
