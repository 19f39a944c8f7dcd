"""When a batch was deleted, so that for a day it can be restored."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.add_column("batch", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take this step back; batches that were deleted are on the lists again, to be deleted once more."""
    op.drop_column("batch", "deleted_at")
