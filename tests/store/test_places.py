"""What is particular to PostgreSQL (what is to SQLite: test_database.py)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from glowplug.errors import StoreError
from glowplug.secret import Secret
from glowplug.store import meta, places
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT, Schema
from glowplug.store.places import PostgresDatabase
from glowplug.store.tables import metadata
from tests.support.postgres import Postgres, database_of, postgres

SECRET = "correct-horse"
REVISIONS = ("0001", "0002", "0003", "0005", "0006")


@pytest.fixture
def server(postgres_server: Postgres) -> Postgres:
    return postgres_server


@pytest.fixture
def database(server: Postgres, tmp_path: Path) -> Iterator[Database]:
    with database_of("postgresql", tmp_path, lambda: server) as database:
        yield database


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://a/b", "postgresql+asyncpg://a/b", f"postgresql://u:{SECRET}@h:x/d"]
)
def test_what_is_no_url_of_postgresql_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(StoreError, match="the URL of the database") as caught:
        PostgresDatabase(Secret(url))
    assert caught.value.hint == "it is written postgresql://USER:PASSWORD@HOST/NAME"
    assert SECRET not in str(caught.value)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    database = Database(PostgresDatabase(Secret(f"postgresql://me:{SECRET}@127.0.0.1:1/mine?password={SECRET}")))
    with pytest.raises(StoreError, match=r"the database mine on 127\.0\.0\.1 could not be used: ") as caught:
        database.open()
    database.close()
    assert SECRET not in f"{caught.value} {caught.value.hint} {caught.value.__cause__.__class__}"


def test_a_password_that_a_driver_repeats_is_hidden() -> None:
    place = PostgresDatabase(Secret(f"postgres://me:{SECRET}@h/mine"))
    assert place.cause(ValueError(f"no {SECRET}\n here")) == "no *** here"


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="needs the package psycopg") as caught:
        PostgresDatabase(Secret("postgresql://h/d")).engine()
    assert caught.value.hint == "run `pip install 'glowplug[postgres]'`"


def test_values_of_rows_are_in_no_error(database: Database) -> None:
    def twice(connection: object) -> None:
        for _ in range(2):
            connection.execute(metadata.tables["meta"].insert().values(name="n", value=SECRET))  # type: ignore[attr-defined]

    with pytest.raises(StoreError, match="duplicate key") as caught:
        database.call(twice)
    assert SECRET not in str(caught.value)


def test_one_installation_uses_a_database(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_LOCKED_WITHIN", 0.1)
    name = server.create(server.current())
    first, second = Database(server.place(name)), Database(server.place(name))
    first.open()
    with pytest.raises(StoreError, match="in use by another Glowplug"):
        second.open()
    first.close()
    second.open()
    second.close()
    server.drop(name)


def test_after_a_sync_the_log_is_on_the_disk(server: Postgres, database: Database) -> None:
    def lsn(which: str) -> int:
        return int(str(server.execute(f"SELECT pg_current_wal_{which}lsn() - '0/0'::pg_lsn")[0][0]))

    database.call(lambda c: meta.put(c, "one", "1"))
    written = lsn("insert_")
    assert lsn("flush_") < written, "nothing has waited for the disk"
    database.sync()
    assert lsn("flush_") >= written


def test_a_server_that_restarts_is_found_again() -> None:
    with postgres() as server:
        database = Database(server.place(server.create()))
        database.open()
        database.call(lambda c: meta.put(c, "one", "1"))
        database.sync()
        server.stop()
        with pytest.raises(StoreError, match="could not be used"):
            database.call(lambda c: meta.get(c, "one"))
        server.start()
        assert database.call(lambda c: meta.get(c, "one")) == "1"
        database.close()


@pytest.mark.parametrize("start", REVISIONS)
def test_every_schema_that_there_was_becomes_the_one_there_is(server: Postgres, start: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    place = server.place(server.create())
    old = Database(place, Schema(CURRENT.directory, start))
    old.open()
    old.call(lambda c: c.execute(text(_KEY)))
    old.call(lambda c: c.execute(text(_LINE)))
    old.close()
    new = Database(place)
    new.open()
    assert new.backup is None
    assert new.call(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    assert new.call(lambda c: c.execute(text("SELECT name, rights FROM api_keys")).all()) == [("old", "evict")]
    found = new.call(lambda c: c.execute(text("SELECT scope, name, hour, attempts FROM spend ORDER BY scope")).all())
    assert found == [("all", "", 1, 1), ("key", "k", 1, 1), ("model", "m", 1, 1)]
    new.close()


def test_a_migration_that_fails_leaves_nothing(server: Postgres, tmp_path: Path) -> None:
    import shutil

    directory = tmp_path / "migrations"
    shutil.copytree(CURRENT.directory, directory)
    (directory / "versions" / "m9001_broken.py").write_text(_BROKEN)
    name = server.create(server.current())
    later = Database(server.place(name), Schema(directory, "9001"))
    with pytest.raises(StoreError, match="could not be brought from schema revision"):
        later.open()
    later.close()
    now = Database(server.place(name))
    now.open()
    assert now.call(lambda c: c.execute(text("SELECT to_regclass('half')")).scalar()) is None
    now.close()


def test_somebody_elses_tables_are_left(server: Postgres) -> None:
    name = server.create()
    theirs = create_engine(server.url(name).reveal().replace("postgresql://", "postgresql+psycopg://"))
    with theirs.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    theirs.dispose()
    database = Database(server.place(name))
    with pytest.raises(StoreError, match="not Glowplug's") as caught:
        database.open()
    database.close()
    assert caught.value.hint == "give Glowplug a database of its own in server.database"


_KEY = """
INSERT INTO api_keys (id, name, display, role, models, created_at, digest)
VALUES ('key_1', 'old', 'sk…', 'user', '["a"]', 1.5, '\\x00')
"""
_LINE = """
INSERT INTO attempts (request, attempt, state, worker, day, key, asked, model, path, started, duration, first_byte,
                      status, outcome, prompt_tokens, completion_tokens, cached_tokens, estimated, streamed)
VALUES ('r', 0, 'closed', 'w', '1970-01-01', 'k', 'a', 'm', 'p', 7199.9, 0, 0, 200, 'ok', 3, 4, 0, false, false)
"""
_BROKEN = f"""
revision = "9001"
down_revision = "{CURRENT.head}"
from alembic import op
def upgrade() -> None:
    op.execute("CREATE TABLE half (id INTEGER)")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""
