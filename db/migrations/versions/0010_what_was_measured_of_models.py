"""What the stresses and the gate's test found, kept for the model's card."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "model_measurement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("checkpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("cohort_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_measurement")),
    )
    op.create_index(
        "ix_model_measurement_of_weights",
        "model_measurement",
        ["checkpoint_hash", "kind", "created_at"],
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_index("ix_model_measurement_of_weights", table_name="model_measurement")
    op.drop_table("model_measurement")
