"""The tables the code uses are those the migrations make."""

from __future__ import annotations

from glowplug.store.database import Database
from glowplug.store.tables import metadata


def test_the_migrations_make_the_tables_the_code_uses(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    assert database.call(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
