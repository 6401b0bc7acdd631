from __future__ import annotations

import pytest
from sqlalchemy import text

from glowplug.domain.budget import Scope
from glowplug.errors import StoreError
from glowplug.store import rollups
from glowplug.store.database import Database
from glowplug.store.spend import Before, Spend, by_day, known_before, lines_since, spent_before


def _add(database: Database, *rows: tuple[str, str, int, int]) -> None:
    sums = {(scope, name, hour): rollups.Sum(nano) for scope, name, hour, nano in rows}
    database.call(lambda c: rollups.move(c, sums))


def test_hours_of_one_scope_from_the_one_that_the_moment_is_in(database: Database) -> None:
    _add(database, ("team", "web", 9, 1), ("team", "web", 10, 20), ("team", "web", 11, 300), ("user", "web", 11, 5))
    spend = Spend(database)
    assert [spend.since(Scope.TEAM, "web", at) for at in (36_000.0, 36_001.0, 39_599.9, 39_600.0, 43_200.0)] == [
        320, 320, 320, 300, 0,
    ]  # fmt: skip
    assert spend.since(Scope.TEAM, "web", float("-inf")) == 321
    assert spend.since(Scope.USER, "web", 0.0) == 5
    assert spend.since(Scope.KEY, "web", 0.0) == 0


def test_another_failure_is_told(database: Database) -> None:
    database.call(lambda c: c.execute(text("DROP TABLE IF EXISTS spend")))
    database.call(lambda c: c.execute(text("CREATE TABLE spend (id INTEGER)")))
    with pytest.raises(StoreError, match=r"no such column|does not exist"):
        Spend(database).since(Scope.ALL, "", 0.0)


def test_names_of_a_scope_by_day(database: Database) -> None:
    _add(
        database,
        ("tag", "x", 23, 1),
        ("tag", "x", 24, 2),
        ("tag", "x", 47, 3),
        ("tag", "y", 24, 5),
        ("tag", "x", 48, 7),
    )
    _add(database, ("team", "x", 24, 100))
    found = database.call(lambda c: by_day(c, Scope.TAG, 1, 1))
    assert [(one.name, one.day, one.nano) for one in found] == [("x", 1, 5), ("y", 1, 5)]
    assert len(database.call(lambda c: by_day(c, Scope.TAG, 0, 2))) == 4


def test_what_was_spent_elsewhere_counts_from_its_moment(database: Database) -> None:
    database.call(lambda c: spent_before(c, 10_000.0, [Before(Scope.KEY, "k", 7), Before(Scope.TEAM, "t", -3)]))
    assert database.call(known_before) == {("key", "k"), ("team", "t")}
    source = Spend(database)
    assert source.since(Scope.KEY, "k", 9_000.0) == 7
    assert source.since(Scope.TEAM, "t", 9_000.0) == -3
    assert source.since(Scope.KEY, "k", 10_001.0) == 0
    assert source.since(Scope.USER, "k", 0.0) == 0


def test_lines_of_many_are_those_of_each(database: Database) -> None:
    _add(
        database,
        ("team", "web", 9, 1),
        ("team", "web", 10, 20),
        ("team", 'a "b" ü', 11, 1 << 60),
        ("user", "web", 11, 5),
    )
    wanted = [
        (scope, name, start)
        for scope in (Scope.TEAM, Scope.USER)
        for name in ("web", 'a "b" ü', "nobody")
        for start in (float("-inf"), 35_999.0, 36_000.0, 43_200.0)
    ]
    source = Spend(database)
    assert database.call(lambda c: lines_since(c, wanted)) == [source.since(*one) for one in wanted]
    assert database.call(lambda c: lines_since(c, [])) == []
