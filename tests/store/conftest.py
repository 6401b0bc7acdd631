"""The store's contract: what is asked of `database` is asked of SQLite and of PostgreSQL.

`database_file` is for what only a file can do: those tests see SQLite alone, in a file that was made from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.store.database import Database
from tests.support.postgres import Postgres, database_of


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    def server() -> Postgres:
        found: Postgres = request.getfixturevalue("postgres_server")
        return found

    with database_of(request.param, tmp_path, server) as database:
        yield database


@pytest.fixture
def database_file(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "glowplug.db")
    database.open()
    yield database
    database.close()
