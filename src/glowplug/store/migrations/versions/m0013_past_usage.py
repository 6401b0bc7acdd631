"""What was used elsewhere: days of which only sums are left, and what budgets had been spent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    names = (("source", 64), ("day", 10), ("key", 64), ("user", 255), ("team", 255), ("model", 255))
    sums = ("attempts", "failed", "prompt_tokens", "completion_tokens", "cached_tokens", "cost")
    op.create_table(
        "past_usage",
        *(sa.Column(name, sa.String(length), nullable=False) for name, length in names),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in sums),
        sa.PrimaryKeyConstraint(*(name for name, _ in names), name="past_usage_pk"),
    )
    op.create_index("past_usage_day", "past_usage", ["day"])
    op.create_table(
        "spent_elsewhere",
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name="spent_elsewhere_pk"),
    )
