from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from glowplug.errors import StoreError
from glowplug.store import meta
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT, Schema
from glowplug.store.tables import metadata

_SECOND = """
revision = "0002"
down_revision = "0001"
from alembic import op
def upgrade() -> None:
    op.execute("ALTER TABLE meta ADD COLUMN note VARCHAR(20)")
    op.execute("INSERT INTO meta (name, value, note) VALUES ('two', '2', 'n')")
"""
_BROKEN = """
revision = "0003"
down_revision = "0002"
from alembic import op
def upgrade() -> None:
    op.execute("CREATE TABLE half (id INTEGER)")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


@pytest.fixture
def newer(tmp_path: Path) -> Schema:
    """The schema of a later release."""
    directory = tmp_path / "migrations"
    shutil.copytree(CURRENT.directory, directory)
    (directory / "versions" / "m0002_note.py").write_text(_SECOND)
    return Schema(directory, "0002")


def put(database: Database) -> None:
    database.call(lambda c: meta.put(c, "one", "1"))


def backups(directory: Path) -> list[Path]:
    return sorted(directory.glob("glowplug.db.bak-*"))


def test_a_fresh_file_is_made_private_and_at_the_head(database: Database, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "glowplug.db").stat().st_mode) == 0o600
    assert database.call(lambda c: c.execute(text("SELECT version_num FROM alembic_version")).scalar()) == CURRENT.head
    assert backups(tmp_path) == []


def test_pragmas(database: Database) -> None:
    def pragma(name: str) -> object:
        return database.call(lambda c: c.execute(text(f"PRAGMA {name}")).scalar())

    assert [pragma(n) for n in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")] == ["wal", 1, 5000, 1]


def test_the_migrations_make_the_tables_the_code_uses(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    assert database.call(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []


def test_the_head_is_the_last_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(CURRENT.directory))
    assert ScriptDirectory.from_config(config).get_heads() == [CURRENT.head]


def test_opening_a_current_database_imports_no_alembic(database: Database, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from glowplug.store.database import Database\n"
        f"d = Database(Path({str(tmp_path / 'glowplug.db')!r})); d.open(); d.close()\n"
        "print([m for m in sys.modules if m.startswith('alembic')])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "[]\n"


def test_an_older_database_is_copied_and_upgraded(database: Database, tmp_path: Path, newer: Schema) -> None:
    put(database)
    database.close()
    later = Database(tmp_path / "glowplug.db", newer)
    later.open()
    assert later.call(lambda c: c.execute(text("SELECT note FROM meta ORDER BY name")).scalars().all()) == [None, "n"]
    later.close()
    [backup] = backups(tmp_path)
    assert later.backup == backup
    assert backup.name.startswith("glowplug.db.bak-0001-")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT * FROM meta").fetchall() == [("one", "1")]
    copy.close()


def test_a_newer_database_is_refused_with_both_revisions_and_what_to_run(
    database: Database, tmp_path: Path, newer: Schema
) -> None:
    database.close()
    later = Database(tmp_path / "glowplug.db", newer)
    later.open()
    later.close()
    older = Database(tmp_path / "glowplug.db")
    with pytest.raises(StoreError) as caught:
        older.open()
    older.close()
    [backup] = backups(tmp_path)
    assert "0002" in caught.value.message
    assert "0001" in caught.value.message
    assert "pip install --upgrade glowplug" in caught.value.hint
    assert f"cp {backup}" in caught.value.hint


def test_a_migration_that_fails_leaves_everything_as_it_was(database: Database, tmp_path: Path, newer: Schema) -> None:
    put(database)
    database.close()
    (newer.directory / "versions" / "m0003_broken.py").write_text(_BROKEN)
    broken = Database(tmp_path / "glowplug.db", Schema(newer.directory, "0003"))
    with pytest.raises(StoreError, match="nowhere") as caught:
        broken.open()
    broken.close()
    assert str(backups(tmp_path)[0]) in caught.value.hint
    again = Database(tmp_path / "glowplug.db")
    again.open()
    assert again.call(lambda c: meta.get(c, "one")) == "1"
    names = again.call(lambda c: c.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all())
    assert "half" not in names
    assert again.backup is None
    again.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: f.write_bytes(b"this is no database at all, is it? " * 200), "could not be used"),
        (lambda f: _table(f), "not Glowplug's"),
        (lambda f: f.mkdir(), "could not be used"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, make: object, says: str) -> None:
    file = tmp_path / "glowplug.db"
    make(file)  # type: ignore[operator]
    database = Database(file)
    with pytest.raises(StoreError, match=says):
        database.open()
    with pytest.raises(StoreError, match="not open"):
        database.call(lambda c: None)
    database.close()


def _table(file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.commit()
    other.close()


async def test_run_uses_one_thread_and_rolls_back(database: Database) -> None:
    seen = await asyncio.gather(*(database.run(lambda c: threading.get_ident()) for _ in range(5)))
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()

    def fail(connection: object) -> None:
        meta.put(connection, "x", "y")  # type: ignore[arg-type]
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        await database.run(fail)
    assert await database.run(lambda c: meta.get(c, "x")) is None


def test_what_the_database_refuses_is_a_store_error(database: Database) -> None:
    with pytest.raises(StoreError, match="syntax error"):
        database.call(lambda c: c.execute(text("SELECT * FROM nothing")))


def test_after_a_sync_the_file_alone_has_everything(database: Database, tmp_path: Path) -> None:
    put(database)
    database.sync()
    shutil.copy(tmp_path / "glowplug.db", tmp_path / "alone.db")
    alone = sqlite3.connect(tmp_path / "alone.db")
    assert alone.execute("SELECT * FROM meta").fetchall() == [("one", "1")]
    alone.close()
