"""Usage of whole days, added up once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    names = (("day", 10), ("model", 255), ("key", 64), ("user", 255), ("team", 255))
    sums = (
        "attempts", "open", "failed", "interrupted", "estimated", "prompt_tokens", "completion_tokens",
        "cached_tokens", "cost", "unpriced",
    )  # fmt: skip
    op.create_table(
        "usage_days",
        *(sa.Column(name, sa.String(length), nullable=False) for name, length in names),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in sums),
        sa.Column("energy_mj", sa.BigInteger),
        sa.PrimaryKeyConstraint(*(name for name, _ in names), name="usage_days_pk"),
    )
    op.create_table("usage_days_made", sa.Column("day", sa.String(10), primary_key=True))
