"""Budgets, limits of users, teams, tags and models, and to whom a key belongs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("user", sa.String(128), nullable=False, server_default=""),
        sa.Column("team", sa.String(128), nullable=False, server_default=""),
        sa.Column("tags", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("tpm", sa.BigInteger),
        sa.Column("concurrency", sa.Integer),
        sa.Column("cached", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("log_bodies", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("end_users", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("api_keys", column)
    op.create_table(
        "budgets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "use_limits",
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("rpm", sa.Integer),
        sa.Column("tpm", sa.BigInteger),
        sa.Column("concurrency", sa.Integer),
        sa.PrimaryKeyConstraint("scope", "name", name="use_limits_pk"),
    )
