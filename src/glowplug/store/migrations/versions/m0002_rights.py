"""What a key's requests may do to the machine's memory, and how urgent they are.  Keys of before may do everything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("rights", sa.String(16), nullable=False, server_default="evict"))
    op.add_column("api_keys", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
