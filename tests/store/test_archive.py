from __future__ import annotations

import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from glowplug.errors import StoreError
from glowplug.store import archive
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT
from glowplug.store.tables import attempts, spent_elsewhere
from tests.store.filled import fill, read
from tests.support.postgres import Postgres, database_of


@pytest.fixture
def other(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """A fresh database of the other kind."""

    def server() -> Postgres:
        found: Postgres = request.getfixturevalue("postgres_server")
        return found

    kind = "sqlite" if database.engine.dialect.name == "postgresql" else "postgresql"
    (tmp_path / "other").mkdir()
    with database_of(kind, tmp_path / "other", server) as made:
        yield made


def emptied(connection: Connection) -> None:
    from sqlalchemy import MetaData

    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name != "alembic_version":
            connection.execute(table.delete())


def written(database: Database, file: Path) -> archive.Manifest:
    return database.call(lambda c: archive.write(c, file, "9.9", CURRENT.head, 5.0, {"pepper.key": b"p" * 32}))


def test_what_one_kind_writes_the_other_becomes(database: Database, other: Database, tmp_path: Path) -> None:
    database.call(emptied)
    rows = database.call(fill)
    file = tmp_path / "b.glowplug"
    manifest = written(database, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("b.glowplug*")] == ["b.glowplug"]
    assert {table.name: table.rows for table in manifest.tables} == {name: len(found) for name, found in rows.items()}
    assert archive.verify(file) == manifest
    assert archive.content(file, manifest, "pepper.key") == b"p" * 32
    other.call(emptied)
    other.call(lambda c: archive.fill(c, file, manifest))
    assert other.call(read) == rows
    again = other.call(lambda c: archive.write(c, tmp_path / "c.glowplug", "9.9", CURRENT.head, 5.0, {}))
    assert [(t.name, t.rows, t.sum) for t in again.tables] == [(t.name, t.rows, t.sum) for t in manifest.tables]


def test_the_indices_are_those_that_were(database_file: Database, tmp_path: Path) -> None:
    def indices(connection: Connection) -> list[tuple[str, str]]:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
        return [(name, sql) for name, sql in connection.exec_driver_sql(query)]

    database_file.call(fill)
    before = database_file.call(indices)
    manifest = written(database_file, tmp_path / "b.glowplug")
    database_file.call(emptied)
    database_file.call(lambda c: archive.fill(c, tmp_path / "b.glowplug", manifest))
    assert database_file.call(indices) == before
    assert sum(sql is not None for _, sql in before) > 10


def test_numbers_that_are_none_come_back(database: Database, tmp_path: Path) -> None:
    row = {"scope": "key", "name": "k", "at": float("inf"), "nano": -(1 << 62)}
    database.call(lambda c: c.execute(spent_elsewhere.insert(), row))
    manifest = written(database, tmp_path / "b.glowplug")
    database.call(emptied)
    database.call(lambda c: archive.fill(c, tmp_path / "b.glowplug", manifest))
    assert database.call(lambda c: c.execute(select(spent_elsewhere)).mappings().one()) == row


def rewritten(file: Path, change: dict[str, bytes | None]) -> Path:
    target = file.with_name("changed.glowplug")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change.get(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


@pytest.mark.parametrize(
    ("member", "data", "says"),
    [
        ("tables/api_keys.jsonl", None, "the rows of api_keys cannot be read"),
        ("tables/api_keys.jsonl", b"[1]\n", "the rows of api_keys are not those that were written"),
        ("files/pepper.key", b"q" * 32, r"pepper\.key in it is not what was written"),
        ("files/pepper.key", None, r"pepper\.key in it cannot be read"),
        ("manifest.json", None, "it is no backup of Glowplug"),
        ("manifest.json", b"{}", "it is no backup of Glowplug"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(
    database_file: Database, tmp_path: Path, member: str, data: bytes | None, says: str
) -> None:
    database_file.call(fill)
    written(database_file, tmp_path / "b.glowplug")
    with pytest.raises(StoreError, match=says):
        archive.verify(rewritten(tmp_path / "b.glowplug", {member: data}))


def test_a_file_that_is_cut_off_or_flipped_is_refused(database_file: Database, tmp_path: Path) -> None:
    database_file.call(fill)
    file = tmp_path / "b.glowplug"
    written(database_file, file)
    whole = file.read_bytes()
    for number in range(1, 40):
        at = len(whole) * number // 40
        file.write_bytes(whole[:at])
        with pytest.raises(StoreError, match=r"b\.glowplug"):
            archive.verify(file)
    with pytest.raises(StoreError, match="No such file"):
        archive.verify(tmp_path / "none")


def test_a_format_of_later_names_who_wrote_it(database_file: Database, tmp_path: Path) -> None:
    written(database_file, tmp_path / "b.glowplug")
    with zipfile.ZipFile(tmp_path / "b.glowplug") as old:
        manifest = old.read("manifest.json").replace(b'"format": 1', b'"format": 2')
    with pytest.raises(StoreError, match=r"has format 2, and this release reads 1; Glowplug 9\.9 wrote it"):
        archive.verify(rewritten(tmp_path / "b.glowplug", {"manifest.json": manifest}))


def test_memory_does_not_grow_with_the_rows(database_file: Database, tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        database_file.call(emptied)
        database_file.call(lambda c: c.execute(attempts.insert(), [line(number) for number in range(rows)]) and None)
        file = tmp_path / f"{rows}.glowplug"
        tracemalloc.start()
        try:
            manifest = written(database_file, file)
            archive.verify(file)
            database_file.call(emptied)
            database_file.call(lambda c: archive.fill(c, file, manifest))
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert manifest.rows == rows
        return most

    peak(10)  # what is imported and cached once
    assert peak(24_000) < peak(6_000) * 1.5


def line(number: int) -> dict[str, object]:
    """A line of the ledger."""
    nothing = dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens", "duration", "first_byte"), 0)
    words = dict.fromkeys(("worker", "key", "asked", "model", "path", "outcome"), "w")
    return nothing | words | {
        "request": f"r{number}", "attempt": 1, "state": "closed", "day": "2026-01-01", "started": float(number),
        "status": 200, "estimated": False, "streamed": True, "tags": ["a"],
    }  # fmt: skip


def test_a_directory_that_is_not_there_is_said(database_file: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: No such file"):
        written(database_file, tmp_path / "no" / "b.glowplug")
