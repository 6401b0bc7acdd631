"""What imports brought, as the source had it, so that a later one can tell what changed there and what changed here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported_rows",
        sa.Column("noun", sa.String(32), nullable=False),
        sa.Column("id", sa.String(600), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("made", sa.Boolean, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("noun", "id", name="imported_rows_pk"),
    )
