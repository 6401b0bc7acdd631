from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import text

from glowplug.domain.budget import Scope
from glowplug.errors import StoreError
from glowplug.store import rollups
from glowplug.store.database import Database
from glowplug.store.spend import (
    Before,
    Spend,
    by_day,
    forget_before,
    known_before,
    lines_since,
    others_since,
    shift_before,
    spent_before,
)
from glowplug.store.tables import attempts


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


def test_what_was_noted_before_is_replaced_and_forgotten(database: Database) -> None:
    database.call(lambda c: spent_before(c, 10.0, [Before(Scope.KEY, "k", 7), Before(Scope.TEAM, "t", 1)]))
    database.call(lambda c: spent_before(c, 20.0, [Before(Scope.KEY, "k", 9)]))
    assert Spend(database).since(Scope.KEY, "k", 15.0) == 9
    database.call(lambda c: forget_before(c, [("key", "k"), ("key", "nobody")]))
    assert database.call(known_before) == {("team", "t")}


def test_what_was_noted_in_a_window_is_shifted(database: Database) -> None:
    for start, at, nano, wanted in ((0.0, 5.0, -7, -7), (0.0, 6.0, -1, -8), (10.0, 12.0, 2, 2)):
        database.call(partial(shift_before, scope=Scope.KEY, name="k", since=start, at=at, nano=nano))
        assert Spend(database).since(Scope.KEY, "k", start) == wanted
    assert Spend(database).since(Scope.KEY, "k", 0.0) == 2, "what was noted before the window is no more"


def test_lines_of_others(database: Database) -> None:
    """Of every scope, by the hour that `lines_since` goes by, also at its very beginning."""

    def line(request: str, worker: str, started: float, **more: object) -> dict[str, object]:
        texts = dict.fromkeys(("asked", "model", "path", "outcome", "user", "team"), "")
        numbers = dict.fromkeys(
            ("duration", "first_byte", "status", "prompt_tokens", "completion_tokens", "cached_tokens"), 0
        )
        own = {"request": request, "attempt": 0, "state": "closed", "worker": worker, "day": "2026-11-01", "key": "k"}
        flags = {"estimated": False, "streamed": False}
        return {**texts, **numbers, **own, **flags, "started": started, "cost": 1, "tags": [], **more}

    mine = [line("1", "litellm", 36_000.0)]
    database.call(lambda c: c.execute(attempts.insert(), mine))
    wanted = [(Scope.ALL, "", 0.0), (Scope.KEY, "k", 36_000.0), (Scope.TEAM, "t", 39_600.0), (Scope.TAG, "ü", 0.0)]
    wanted += [(Scope.KEY, "k", 39_601.0), (Scope.USER, "u", 0.0), (Scope.MODEL, "m", 0.0), (Scope.TAG, "x", 0.0)]
    wanted += [(Scope.USER, "end:kim", 0.0)]

    def others() -> list[int]:
        return database.call(lambda c: others_since(c, "litellm", wanted))

    assert others() == [0] * 9
    more = [
        line("2", "w", 39_599.5, cost=20, team="t", tags=["ü", "ü"]),
        line("3", "w", 39_600.0, cost=300, team="t", user="u", model="m", tags=["x", "ü"]),
        line("4", "w", 39_700.0, cost=9000, state="open"),
        line("5", "w", 20.0, cost=4000, user="end:kim"),
        line("6", "w", 20.0, cost=50000, user="u", tags=["end:kim"]),
    ]
    database.call(lambda c: c.execute(attempts.insert(), more))
    assert others() == [54320, 320, 300, 320, 300, 50300, 300, 300, 54000]
    assert database.call(lambda c: others_since(c, "litellm", [])) == []
