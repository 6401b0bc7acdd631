"""People, teams, what was changed by whom, and keys that came from elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("blocked_at", sa.Float),
    )
    somebody = sa.text("email <> ''")
    op.create_index("users_email", "users", ["email"], unique=True, sqlite_where=somebody, postgresql_where=somebody)
    op.create_table(
        "teams",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("blocked_at", sa.Float),
    )
    op.create_table(
        "members",
        sa.Column("team", sa.String(255), nullable=False),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("manager", sa.Boolean, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("team", "user", name="members_pk"),
    )
    op.create_index("members_user", "members", ["user"])
    op.create_table(
        "changes",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("through", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("noun", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.Column("request", sa.String(64), nullable=False),
    )
    op.create_index("changes_at", "changes", ["at", "id"])
    op.create_index("changes_subject", "changes", ["noun", "subject"])
    op.add_column("api_keys", sa.Column("imported", sa.LargeBinary(32)))
    op.add_column("api_keys", sa.Column("routes", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("api_keys", sa.Column("replaces", sa.String(64), nullable=False, server_default=""))
    op.add_column("api_keys", sa.Column("blocked_at", sa.Float))
    op.create_index("api_keys_imported", "api_keys", ["imported"], unique=True)
