from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import StaticPool

from glowplug.domain.access import Rights
from glowplug.errors import StoreError
from glowplug.store import keys, meta
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT, Schema, migrate, revision

_NEXT = f"""
revision = "9001"
down_revision = "{CURRENT.head}"
from alembic import op
def upgrade() -> None:
    op.execute("ALTER TABLE meta ADD COLUMN note VARCHAR(20)")
    op.execute("INSERT INTO meta (name, value, note) VALUES ('two', '2', 'n')")
"""
_BROKEN = """
revision = "9002"
down_revision = "9001"
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
    (directory / "versions" / "m9001_note.py").write_text(_NEXT)
    return Schema(directory, "9001")


def put(database: Database) -> None:
    database.call(lambda c: meta.put(c, "one", "1"))


def backups(directory: Path) -> list[Path]:
    return sorted(directory.glob("glowplug.db.bak-*"))


def test_the_head_is_the_last_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(CURRENT.directory))
    assert ScriptDirectory.from_config(config).get_heads() == [CURRENT.head]


def test_opening_a_current_database_imports_no_alembic(database_file: Database, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from glowplug.store.database import Database\n"
        f"d = Database(Path({str(tmp_path / 'glowplug.db')!r})); d.open(); d.close()\n"
        "print([m for m in sys.modules if m.startswith('alembic')])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "[]\n"


def test_an_older_database_is_copied_and_upgraded(database_file: Database, tmp_path: Path, newer: Schema) -> None:
    put(database_file)
    database_file.close()
    later = Database(tmp_path / "glowplug.db", newer)
    later.open()
    assert later.call(
        lambda c: c.execute(text("SELECT note FROM meta WHERE name <> 'written_by' ORDER BY name")).scalars().all()
    ) == [None, "n"]
    later.close()
    [backup] = backups(tmp_path)
    assert later.backup == backup
    assert backup.name.startswith(f"glowplug.db.bak-{CURRENT.head}-")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT * FROM meta WHERE name = 'one'").fetchall() == [("one", "1")]
    copy.close()


def test_a_newer_database_is_refused_with_both_revisions_and_what_to_run(
    database_file: Database, tmp_path: Path, newer: Schema
) -> None:
    database_file.close()
    later = Database(tmp_path / "glowplug.db", newer)
    later.open()
    later.close()
    older = Database(tmp_path / "glowplug.db")
    with pytest.raises(StoreError) as caught:
        older.open()
    older.close()
    [backup] = backups(tmp_path)
    assert "9001" in caught.value.message
    assert CURRENT.head in caught.value.message
    assert "pip install --upgrade glowplug" in caught.value.hint
    assert f"cp {backup}" in caught.value.hint


def test_a_migration_that_fails_leaves_everything_as_it_was(
    database_file: Database, tmp_path: Path, newer: Schema
) -> None:
    put(database_file)
    database_file.close()
    (newer.directory / "versions" / "m9002_broken.py").write_text(_BROKEN)
    broken = Database(tmp_path / "glowplug.db", Schema(newer.directory, "9002"))
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


@pytest.fixture
def memory() -> Iterator[Connection]:
    """A connection to an empty database that is no file."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_an_empty_database_has_no_revision_and_is_made_without_a_backup(memory: Connection) -> None:
    assert revision(memory) is None
    assert migrate(memory, CURRENT, None) is None
    assert revision(memory) == CURRENT.head
    assert migrate(memory, CURRENT, None) is None


def test_where_there_is_no_file_it_is_upgraded_without_a_copy(memory: Connection, newer: Schema) -> None:
    migrate(memory, CURRENT, None)
    assert migrate(memory, newer, None) is None
    assert revision(memory) == "9001"
    with pytest.raises(StoreError) as caught:
        migrate(memory, CURRENT, None)
    assert caught.value.hint == "run `pip install --upgrade glowplug`"


@pytest.mark.parametrize("rows", [[], ["0001", "0002"]])
def test_a_database_that_names_no_or_two_revisions_is_refused(memory: Connection, rows: list[str]) -> None:
    memory.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    for row in rows:
        memory.execute(text("INSERT INTO alembic_version VALUES (:row)"), {"row": row})
    with pytest.raises(StoreError, match=f"names {len(rows)} schema revisions"):
        revision(memory)


def test_a_database_of_somebody_else_is_named_and_left(memory: Connection) -> None:
    for name in ("a", "b", "c", "d", "e"):
        memory.execute(text(f"CREATE TABLE {name} (id INTEGER)"))
    with pytest.raises(StoreError, match=r"not Glowplug's \(a, b, c, d\)"):
        migrate(memory, CURRENT, None)
    assert "alembic_version" not in str(memory.execute(text("SELECT name FROM sqlite_master")).scalars().all())


def test_without_room_for_a_copy_nothing_is_upgraded(
    database_file: Database, tmp_path: Path, newer: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database_file)
    database_file.close()
    monkeypatch.setattr("glowplug.store.migrate.time.strftime", lambda *_: "now")
    (tmp_path / f"glowplug.db.bak-{CURRENT.head}-now").symlink_to(tmp_path / "no" / "such" / "directory")
    later = Database(tmp_path / "glowplug.db", newer)
    with pytest.raises(StoreError, match=r"no copy of .* could be made before its upgrade"):
        later.open()
    later.close()
    again = Database(tmp_path / "glowplug.db")
    again.open()
    assert again.call(lambda c: (revision(c), meta.get(c, "one"))) == (CURRENT.head, "1")
    again.close()
    assert backups(tmp_path) == []


def test_a_copy_is_made_whatever_the_directory_is_called(tmp_path: Path, newer: Schema) -> None:
    odd = tmp_path / "50%20 ?mode=memory&x=#é"
    odd.mkdir()
    first = Database(odd / "glowplug.db")
    first.open()
    put(first)
    first.close()
    later = Database(odd / "glowplug.db", newer)
    later.open()
    later.close()
    [backup] = backups(odd)
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT * FROM meta WHERE name = 'one'").fetchall() == [("one", "1")]
    copy.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([odd.name, "migrations"])


def test_a_path_with_a_percent_sign_is_no_placeholder(newer: Schema, tmp_path: Path, memory: Connection) -> None:
    odd = tmp_path / "50%(here)s"
    newer.directory.rename(odd)
    migrate(memory, Schema(odd, "9001"), None)
    assert revision(memory) == "9001"


_FIRST_KEY = """
INSERT INTO api_keys (id, name, display, role, models, created_at, digest)
VALUES ('key_1', 'old', 'sk…', 'user', '["a"]', 1.5, x'00')
"""


def test_keys_of_before_rights_may_do_what_they_could(tmp_path: Path) -> None:
    first = Database(tmp_path / "glowplug.db", Schema(CURRENT.directory, "0001"))
    first.open()
    first.call(lambda c: c.execute(text(_FIRST_KEY)))
    first.close()
    later = Database(tmp_path / "glowplug.db")
    later.open()
    [key] = later.call(keys.every)
    assert (key.name, key.models, key.rights, key.priority) == ("old", ("a",), Rights.EVICT, 0)
    later.close()
    [backup] = backups(tmp_path)
    assert later.backup == backup and "bak-0001-" in backup.name


def test_attempts_of_before_are_in_the_sums_by_the_hour(tmp_path: Path) -> None:
    from glowplug.store import rollups

    file = tmp_path / "glowplug.db"
    old = Database(file, Schema(CURRENT.directory, "0006"))
    old.open()
    insert = (
        "INSERT INTO attempts (request, attempt, state, worker, day, key, asked, model, path, started, duration,"
        " first_byte, status, outcome, prompt_tokens, completion_tokens, cached_tokens, estimated, streamed)"
        " VALUES (:r, 0, :state, 'w', '2025-11-24', :key, 'a', 'm', 'p', :at, 0, 0, 200, 'ok', 3, 4, 0, 0, 0)"
    )
    lines = [("a", "closed", "k", 7199.9), ("b", "interrupted", "l", 7200.0), ("c", "open", "k", 7200.0)]
    values = [dict(zip(("r", "state", "key", "at"), line, strict=True)) for line in lines]
    old.call(lambda c: c.execute(text(insert), values))
    old.close()
    database = Database(file)
    database.open()
    try:
        stored, computed = database.call(lambda c: (rollups.stored(c), rollups.computed(c)))
    finally:
        database.close()
    assert stored == computed
    assert {place for place in stored if place[0] == "key"} == {("key", "k", 1), ("key", "l", 2)}
    assert stored["all", "", 2] == (0, 3, 4, 1)
