"""Alembic's script folder: `env.py` and one file for each step of the schema."""

HEAD_REVISION = "0021"
