"""The place that each reading was given beside the rules goes: the rules alone say where a study stands."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.drop_index("ix_reading_rank", table_name="reading")
    op.drop_column("reading", "rank_order")


def downgrade() -> None:
    """Take this step back: places as the model's own priorities gave them."""
    op.add_column("reading", sa.Column("rank_order", sa.Integer(), nullable=False, server_default="2"))
    for place, condition in (
        (0, "status = 'read' AND priority = 'urgent'"),
        (1, "status = 'read' AND priority = 'review'"),
        (3, "status = 'rejected'"),
        (4, "status = 'failed'"),
    ):
        op.execute(f"UPDATE reading SET rank_order = {place} WHERE {condition}")
    op.create_index("ix_reading_rank", "reading", ["batch_id", "rank_order", "probability"], unique=False)
