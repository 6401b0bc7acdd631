"""The energy of attempts, where a device reported it; and the sums by hour, found by the hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("energy_mj", sa.BigInteger))
    op.drop_index("attempts_usage", "attempts")
    # It said 0 for everything, and 0 is a value.
    op.drop_column("attempts", "energy")
    op.create_index(
        "attempts_usage",
        "attempts",
        [
            "day", "model", "key", "user", "team", "state", "outcome", "estimated", "prompt_tokens",
            "completion_tokens", "cached_tokens", "cost", "price", "energy_mj",
        ],
    )  # fmt: skip
    op.create_index("spend_hour", "spend", ["hour"])
