"""Looking at a database without writing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from glowplug.errors import StoreError
from glowplug.store import meta
from glowplug.store.database import Database
from glowplug.store.places import SqliteFile
from glowplug.store.reading import reading
from tests.support.sqlite import opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    database = opened(tmp_path / "g.db")
    database.call(lambda c: meta.put(c, "a", "1"))
    database.close()
    return tmp_path / "g.db"


def test_it_reads_beside_a_writer_and_writes_nothing(file: Path) -> None:
    database = Database(file)
    database.open()
    try:
        with reading(SqliteFile(file)) as connection:
            database.call(lambda c: meta.put(c, "a", "2"))
            assert meta.get(connection, "a") == "1"
        with pytest.raises(StoreError, match="could not be read"), reading(SqliteFile(file)) as connection:
            meta.put(connection, "a", "3")
        assert database.call(lambda c: meta.get(c, "a")) == "2"
    finally:
        database.close()


def test_another_schema_is_refused_with_who_wrote_it(file: Path) -> None:
    database = Database(file)
    database.open()
    database.call(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.close()
    with pytest.raises(StoreError, match=r"revision 9999 \(Glowplug .* wrote it\)"), reading(SqliteFile(file)):
        pass


def test_what_is_no_database_or_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_bytes(b"not a database" * 100)
    for name in ("no.db", "missing.db"):
        with pytest.raises(StoreError) as caught, reading(SqliteFile(tmp_path / name)):
            pass
        assert not isinstance(caught.value, SQLAlchemyError)
        assert caught.value.hint
