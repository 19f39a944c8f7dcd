"""The hash of each model's card as the desk first knew it, so that a changed one is found before it is read with."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; models that are there already are known as they are at their next use."""
    op.create_table(
        "kept_card",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("checkpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("card_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_card")),
        sa.UniqueConstraint("model", "checkpoint_hash", name=op.f("uq_kept_card_model_checkpoint_hash")),
    )


def downgrade() -> None:
    """Take this step back; cards are known anew at their next use after the following upgrade."""
    op.drop_table("kept_card")
