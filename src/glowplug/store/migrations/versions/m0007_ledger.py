"""What attempts cost and whose they were, sums of it by the hour, and what versions of prices meant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("user", sa.String(255), nullable=False, server_default=""),
        sa.Column("team", sa.String(255), nullable=False, server_default=""),
        sa.Column("tags", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("cache_written", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reasoning", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("prompt_audio", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("completion_audio", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("cost", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("price", sa.String(128), nullable=False, server_default=""),
        sa.Column("energy", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reason", sa.String(255), nullable=False, server_default=""),
        sa.Column("trace", sa.String(64), nullable=False, server_default=""),
    ):
        op.add_column("attempts", column)
    op.drop_index("attempts_usage", "attempts")
    op.create_index(
        "attempts_usage",
        "attempts",
        [
            "day", "model", "key", "user", "team", "state", "outcome", "estimated", "prompt_tokens",
            "completion_tokens", "cached_tokens", "cost", "price",
        ],
    )  # fmt: skip
    op.create_index("attempts_newest", "attempts", ["started", "request", "attempt"])
    op.create_table(
        "spend",
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", "hour", name="spend_pk"),
    )
    # Attempts of before cost nothing that is known; their tokens and their number are added up from here.
    whole = "FLOOR(started / 3600.0)" if op.get_bind().dialect.name == "postgresql" else "started / 3600.0"
    hour = f"CAST({whole} AS INTEGER)"
    for scope, name in (("all", "''"), ("key", "key"), ("model", "model")):
        op.execute(
            f"INSERT INTO spend (scope, name, hour, nano, prompt_tokens, completion_tokens, attempts)"  # noqa: S608
            f" SELECT '{scope}', {name}, {hour}, 0, SUM(prompt_tokens), SUM(completion_tokens), COUNT(*)"
            f" FROM attempts WHERE state <> 'open' GROUP BY {name if scope != 'all' else '1'}, {hour}"
        )
    op.create_table(
        "price_versions",
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("price", sa.JSON, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("model", "version", name="price_versions_pk"),
    )
