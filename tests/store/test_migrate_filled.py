"""One history, forwards on a filled database of every revision, on both kinds; and what a schema may never lack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import UniqueConstraint

from glowplug import __version__
from glowplug.errors import StoreError
from glowplug.store import archive, meta
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT, WRITTEN_BY, Schema, revision
from glowplug.store.places import Place, PostgresDatabase, SqliteFile
from glowplug.store.tables import metadata
from tests.store.filled import fill, read


def every_revision() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(CURRENT.directory))
    return sorted(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


REVISIONS = every_revision()
NULLS_IN_UNIQUE = {"api_keys_imported"}
"""Unique keys over something that most rows do not have, where NULLs are what is meant: nothing else is in them."""

GONE = {("attempts", "energy")}
"""Columns that a migration took away on purpose: this one said 0 for everything."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty database, and `tmp_path` for its backups."""
    if request.param == "sqlite":
        yield SqliteFile(tmp_path / "glowplug.db")
        return
    server = request.getfixturevalue("postgres_server")
    name = server.create()
    yield PostgresDatabase(server.url(name), tmp_path)
    server.drop(name)


@pytest.mark.parametrize("start", REVISIONS)
def test_what_a_filled_database_of_any_revision_has_is_there_afterwards(
    place: Place, start: str, tmp_path: Path
) -> None:
    old = Database(place, Schema(CURRENT.directory, start))
    old.open()
    before = old.call(fill)
    old.close()
    assert all(len(rows) == 3 for name, rows in before.items() if name != "meta")
    new = Database(place)
    new.open()
    after = new.call(read)
    backup = new.backup
    new.close()
    for name, rows in before.items():
        columns = [column for column in rows[0] if (name, column) not in GONE] if rows else []
        kept = [row for row in after[name] if row.get("name") != WRITTEN_BY]
        assert [[row[column] for column in columns] for row in kept] == [
            [row[column] for column in columns] for row in rows if row.get("name") != WRITTEN_BY
        ], name
    if "spend" not in before:
        sums = [row for row in after["spend"] if row["scope"] == "all"]
        assert sum(row["attempts"] for row in sums) == 3, "what was used before is added up"
    if start == CURRENT.head:
        assert backup is None
    elif place.file is None:
        assert backup is not None
        manifest = archive.verify(backup)
        assert (manifest.revision, manifest.version) == (start, __version__)
        assert {t.name: t.rows for t in manifest.tables} == {name: len(rows) for name, rows in before.items()}
    else:
        copy = Database(backup, Schema(CURRENT.directory, start))  # type: ignore[arg-type]
        copy.open()
        assert copy.call(read) == before
        copy.close()


def test_a_newer_one_names_who_wrote_it(place: Place) -> None:
    first = Database(place)
    first.open()
    assert first.call(lambda c: meta.get(c, WRITTEN_BY)) == __version__
    first.call(lambda c: meta.put(c, WRITTEN_BY, "7.8.9"))
    first.call(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'") and None)
    first.close()
    second = Database(place)
    with pytest.raises(StoreError) as caught:
        second.open()
    assert caught.value.message == (
        f"the database is at schema revision 9999 (Glowplug 7.8.9 wrote it), and this release, {__version__}, knows "
        f"revisions up to {CURRENT.head}"
    )
    assert "pip install --upgrade glowplug" in caught.value.hint
    second.close()
    third = Database(place, Schema(CURRENT.directory, CURRENT.head))
    with pytest.raises(StoreError):
        third.open()
    third.close()
    engine = place.reader()
    with engine.connect() as connection:
        assert revision(connection) == "9999", "nothing was touched"
    engine.dispose()


def test_nothing_in_a_unique_key_may_be_null() -> None:
    """Rows with NULL in a unique key are all different to a database: that is how sums come to be there twice."""
    found = []
    for table in metadata.sorted_tables:
        keys = [(str(c.name), c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]
        keys += [(str(index.name), index.columns) for index in table.indexes if index.unique]
        keys.append((f"{table.name} primary", table.primary_key.columns))
        assert len(table.primary_key.columns), f"{table.name} has no primary key"
        found += [f"{name}: {column.name}" for name, columns in keys for column in columns if column.nullable]
    assert [one for one in found if one.partition(":")[0] not in NULLS_IN_UNIQUE] == []
    for name in NULLS_IN_UNIQUE:
        (index,) = [i for table in metadata.sorted_tables for i in table.indexes if i.name == name]
        assert len(index.columns) == 1, "one column: two NULLs are two rows that have nothing"
