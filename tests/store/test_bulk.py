"""Many rows at once."""

from __future__ import annotations

from glowplug.moving.lines import COLUMNS, Joins, Lines, sums
from glowplug.store import bulk, check, tables
from glowplug.store.attempts import lines_of
from glowplug.store.database import Database
from tests.moving.builders import log


def test_only_new_rows_are_added(database: Database) -> None:
    rows = [{"team": "t", "user": user, "manager": False, "since": 1.0} for user in ("a", "b")]
    assert database.call(lambda c: bulk.add_new(c, tables.members, rows[:1])) == 1
    assert database.call(lambda c: bulk.add_new(c, tables.members, rows)) == 1


def test_lines_are_added_with_their_sums(database: Database) -> None:
    lines = Lines(Joins())
    made = [lines.row(log(f"r{n}")) for n in range(1200)]
    database.call(lambda c: bulk.add_lines(c, COLUMNS, [row for row, _ in made], sums(made)))
    assert database.call(lambda c: bulk.known_requests(c, ["r1", "r1199", "other"])) == {"r1", "r1199"}
    (line,) = database.call(lambda c: lines_of(c, ["r5"])).values()
    assert line["tags"] == ["batch", "member:search/ann"]
    stretch = database.call(lambda c: check.stretch(c, 0, 5))
    assert (stretch.lines, stretch.costs, stretch.differing) == (1200, (), ())
