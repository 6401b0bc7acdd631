"""Rows and indexes of a real PostgreSQL: all of a change or none, and back text for text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.doctor.rows import RowChange, Rows, Statement
from glowplug.doctor.site import Foreign
from glowplug.errors import Conflict, StoreError
from glowplug.secret import Secret
from tests.doctor.museum import Machine
from tests.moving.postgres import Server, running

Connection = psycopg.Connection[tuple[object, ...]]
MAKE = """
CREATE TABLE "T" (
    id text, n bigint, spend double precision, at timestamptz, plain timestamp(3), data jsonb, words text[]
);
INSERT INTO "T" VALUES
    ('a', 1, 0.1, '2026-01-02 03:04:05.123456+02', '2026-01-02 03:04:05.123', '{"b": 1, "a": [null]}',
     '{x,"y z",NULL}'),
    (NULL, NULL, 1e-300, NULL, NULL, NULL, NULL),
    ('', 9007199254740993, 0.30000000000000004, NULL, NULL, '"text"', '{}');
"""
DUMP = 'SELECT * FROM "T" ORDER BY id NULLS FIRST'
INDEX = Statement(
    do='CREATE UNIQUE INDEX "T_id" ON "T" (id)', undo='DROP INDEX "T_id"',
    done="SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'T_id')",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def machine(tmp_path: Path, server: Server) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    database = server.empty()
    with server.connect(database) as connection:
        connection.execute(MAKE)
    machine.site.litellm = Foreign(database=Secret(server.url(database)))
    yield machine
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)".encode())


def ask(machine: Machine, query: str) -> list[tuple[object, ...]]:
    assert machine.site.litellm is not None and machine.site.litellm.database is not None
    with psycopg.connect(machine.site.litellm.database.reveal(), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def texts(machine: Machine, where: str) -> dict[str, str | None]:
    columns = ("id", "n", "spend", "at", "plain", "data", "words")
    asked = ", ".join(f"{name}::text" for name in columns)
    query = "SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET extra_float_digits = 3"
    assert machine.site.litellm is not None and machine.site.litellm.database is not None
    with psycopg.connect(machine.site.litellm.database.reveal(), autocommit=True) as connection:
        connection.execute(query.encode())
        row = connection.execute(f'SELECT {asked} FROM "T" WHERE {where}'.encode()).fetchone()
    assert row is not None
    return dict(zip(columns, row, strict=True))  # type: ignore[arg-type]


def changes(machine: Machine) -> Rows:
    """One row is changed, one goes, one comes, and an index is made."""
    first, null = texts(machine, "id = 'a'"), texts(machine, "id IS NULL")
    return Rows(schema="public", why="mend", changes=(
        RowChange(table="T", key={"id": "a"}, before=first, after={**first, "n": "5", "data": '{"c": 2}'}),
        RowChange(table="T", key={"id": None}, before=null, after=None),
        RowChange(table="T", key={"id": "new"}, before=None, after={**null, "id": "new", "words": "{q}"}),
        INDEX,
    ))  # fmt: skip


def test_done_once_and_back_text_for_text(machine: Machine) -> None:
    before = ask(machine, DUMP)
    rows = changes(machine)
    assert rows.do(machine.hands) is True
    after = ask(machine, DUMP)
    assert [row[:2] for row in after] == [("", 9007199254740993), ("a", 5), ("new", None)]
    assert ask(machine, INDEX.done) == [(True,)]
    assert rows.do(machine.hands) is False
    assert ask(machine, DUMP) == after
    assert rows.undo(machine.hands) is True
    assert ask(machine, DUMP) == before and ask(machine, INDEX.done) == [(False,)]
    assert rows.undo(machine.hands) is False
    assert ask(machine, DUMP) == before


def test_a_row_that_was_changed_meanwhile_stops_all_of_it(machine: Machine) -> None:
    rows = changes(machine)
    assert machine.site.litellm is not None and machine.site.litellm.database is not None
    with psycopg.connect(machine.site.litellm.database.reveal(), autocommit=True) as connection:
        connection.execute('UPDATE "T" SET spend = 7 WHERE id IS NULL')
    before = ask(machine, DUMP)
    with pytest.raises(Conflict, match="the row id=NULL of T was changed"):
        rows.do(machine.hands)
    assert ask(machine, DUMP) == before


def test_what_the_database_refuses_changes_nothing(machine: Machine) -> None:
    before = ask(machine, DUMP)
    null = texts(machine, "id IS NULL")
    twice = RowChange(table="T", key={"id": "b"}, before=None, after={**null, "id": "a"})
    with pytest.raises(StoreError, match=r"the database refused it: .*T_id"):
        Rows(schema="public", why="x", changes=(INDEX, twice)).do(machine.hands)
    assert ask(machine, DUMP) == before and ask(machine, INDEX.done) == [(False,)]


def test_without_a_database_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not known which database"):
        Rows(schema="public", why="x", changes=(INDEX,)).do(Machine(tmp_path).hands)


def test_the_diff_masks_and_is_short(machine: Machine) -> None:
    first = texts(machine, "id = 'a'")
    change = RowChange(
        table="T", key={"id": "a"}, before=first, after={**first, "data": "{}", "n": "2"}, masked=("data",)
    )
    lines = Rows(schema="public", why="x", changes=(change, INDEX)).diff().splitlines()
    assert lines == [
        "@ T id=a", "- n: 1", "+ n: 2", f"- data: ({len(first['data'] or '')} characters)", "+ data: (2 characters)",
        f"+ {INDEX.do}",
    ]  # fmt: skip
    many = Rows(schema="public", why="x", changes=(change,) * 100).diff().splitlines()
    assert many[-1] == "… 60 more changes"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    n=st.none() | st.integers(-(2**63), 2**63 - 1),
    spend=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    data=st.recursive(
        st.none() | st.booleans() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab'\"\\", max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
)  # fmt: skip
def test_any_row_comes_back(machine: Machine, n: int | None, spend: float | None, data: object) -> None:
    from psycopg.types.json import Jsonb

    assert machine.site.litellm is not None and machine.site.litellm.database is not None
    with psycopg.connect(machine.site.litellm.database.reveal(), autocommit=True) as connection:
        connection.execute("DELETE FROM \"T\" WHERE id = 'any'")
        connection.execute(
            'INSERT INTO "T" (id, n, spend, data) VALUES (%s, %s, %s, %s)', ("any", n, spend, Jsonb(data))
        )
    before = ask(machine, DUMP)
    row = texts(machine, "id = 'any'")
    gone = Rows(schema="public", why="x", changes=(RowChange(table="T", key={"id": "any"}, before=row, after=None),))
    assert gone.do(machine.hands) and gone.undo(machine.hands)
    assert ask(machine, DUMP) == before
