"""With which version of decoding, preprocessing and gate a batch was read."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.add_column("batch", sa.Column("reading_version", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take this step back."""
    op.drop_column("batch", "reading_version")
