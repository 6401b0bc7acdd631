"""Many rows at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Index, MetaData, String, Table, create_engine

from glowplug.moving.lines import COLUMNS, Joins, Lines, sums
from glowplug.store import bulk, check, tables
from glowplug.store.attempts import lines_of
from glowplug.store.database import Database
from tests.moving.builders import log


def test_only_new_rows_are_added(database: Database) -> None:
    rows = [{"team": "t", "user": user, "manager": False, "since": 1.0} for user in ("a", "b")]
    assert database.call(lambda c: bulk.add_new(c, tables.members, rows[:1])) == 1
    assert database.call(lambda c: bulk.add_new(c, tables.members, rows)) == 1


NAMES = st.sampled_from(["a", "b", "c"])
KEYS = st.lists(st.tuples(NAMES, NAMES, st.one_of(st.none(), NAMES)), max_size=6)


@given(KEYS, KEYS)
def test_what_would_be_new_is_what_is_then_added(before: list[tuple[str, str, str | None]],
                                                 rows: list[tuple[str, str, str | None]]) -> None:  # fmt: skip
    """Over every unique key of the table: the primary one, an index, and one with NULL in it."""
    table = Table("t", MetaData(), Column("id", String, primary_key=True), Column("name", String, unique=True),
                  Column("other", String))  # fmt: skip
    Index("t_other", table.c.other, unique=True)
    engine = create_engine("sqlite://")
    columns = ("id", "name", "other")
    with engine.begin() as connection:
        table.create(connection)
        bulk.add_new(connection, table, [dict(zip(columns, row, strict=True)) for row in before])
        planned = [dict(zip(columns, row, strict=True)) for row in rows]
        counted = bulk.count_new(connection, table, planned)
        assert counted == bulk.add_new(connection, table, planned)
    engine.dispose()


def test_lines_are_added_with_their_sums(database: Database) -> None:
    lines = Lines(Joins())
    made = [lines.row(log(f"r{n}")) for n in range(1200)]
    database.call(lambda c: bulk.add_lines(c, COLUMNS, [row for row, _ in made], sums(made)))
    assert database.call(lambda c: bulk.known_requests(c, ["r1", "r1199", "other"])) == {"r1", "r1199"}
    (line,) = database.call(lambda c: lines_of(c, ["r5"])).values()
    assert line["tags"] == ["batch", "member:search/ann"]
    stretch = database.call(lambda c: check.stretch(c, 0, 5))
    assert (stretch.lines, stretch.costs, stretch.differing) == (1200, (), ())
