from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from glowplug.errors import StoreError
from glowplug.store import meta
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT


def put(database: Database) -> None:
    database.call(lambda c: meta.put(c, "one", "1"))


def test_a_fresh_file_is_made_private_and_at_the_head(database_file: Database, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "glowplug.db").stat().st_mode) == 0o600
    assert (
        database_file.call(lambda c: c.execute(text("SELECT version_num FROM alembic_version")).scalar())
        == CURRENT.head
    )
    assert database_file.backup is None


def test_its_thread_gives_way_to_who_serves(database_file: Database) -> None:
    assert database_file.call(lambda _: os.sched_getscheduler(0)) == os.SCHED_BATCH


def test_pragmas(database_file: Database) -> None:
    def pragma(name: str) -> object:
        return database_file.call(lambda c: c.execute(text(f"PRAGMA {name}")).scalar())

    assert [pragma(n) for n in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")] == ["wal", 1, 5000, 1]


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
    with pytest.raises(StoreError, match=r"no such table|does not exist|syntax error"):
        database.call(lambda c: c.execute(text("SELECT * FROM nothing")))


@pytest.mark.parametrize("logs_too", [False, True])
def test_a_file_that_is_deleted_under_it_is_written_back(
    database_file: Database, tmp_path: Path, logs_too: bool
) -> None:
    put(database_file)
    file = tmp_path / "glowplug.db"
    for suffix in ("", "-wal", "-shm") if logs_too else ("",):
        file.with_name(file.name + suffix).unlink()
    database_file.call(lambda c: meta.put(c, "two", "2"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database_file.close()
    again = Database(file)
    again.open()
    assert again.call(lambda c: [meta.get(c, name) for name in ("one", "two")]) == ["1", "2"]
    again.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["glowplug.db"]


def test_a_file_that_was_exchanged_is_not_written_to(database_file: Database, tmp_path: Path) -> None:
    put(database_file)
    (tmp_path / "other").write_bytes(b"")
    (tmp_path / "other").replace(tmp_path / "glowplug.db")
    with pytest.raises(StoreError, match="put in the place of the one that is in use"):
        put(database_file)
    assert (tmp_path / "glowplug.db").read_bytes() == b""


def test_a_full_disk_is_said_and_over_when_there_is_room(database_file: Database) -> None:
    pages = database_file.call(lambda c: c.execute(text("PRAGMA page_count")).scalar())
    database_file.call(lambda c: c.execute(text(f"PRAGMA max_page_count = {pages}")).all())
    with pytest.raises(StoreError, match="database or disk is full"):
        database_file.call(lambda c: [meta.put(c, f"n{number}", "x" * 1000) for number in range(50)])
    assert database_file.call(lambda c: meta.get(c, "n0")) is None
    database_file.call(lambda c: c.execute(text("PRAGMA max_page_count = 100000")).all())
    put(database_file)


def test_after_a_sync_the_file_alone_has_everything(database_file: Database, tmp_path: Path) -> None:
    put(database_file)
    database_file.sync()
    shutil.copy(tmp_path / "glowplug.db", tmp_path / "alone.db")
    alone = sqlite3.connect(tmp_path / "alone.db")
    assert alone.execute("SELECT * FROM meta WHERE name = 'one'").fetchall() == [("one", "1")]
    alone.close()
