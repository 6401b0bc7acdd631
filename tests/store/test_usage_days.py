"""Sums of whole days are those of their lines, whatever happens to a line afterwards."""

from __future__ import annotations

import msgspec

from glowplug.domain.price import LOCAL
from glowplug.domain.usage import AttemptClosed
from glowplug.moving.lines import COLUMNS, Joins, Lines
from glowplug.moving.lines import sums as line_sums
from glowplug.store import bulk, energy, usage_days
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.usage import By, sums
from tests.ledger.builders import closed, opened
from tests.moving.builders import log

MON, TUE, WED = "2025-11-24", "2025-11-25", "2025-11-26"


def local(request: str, day: int) -> AttemptClosed:
    return msgspec.structs.replace(closed(request, day=day), price=LOCAL, cost=0)


def total(database: Database, until: str = MON) -> tuple[int, int, int, int | None]:
    [row] = database.call(lambda c: sums(c, (), MON, until))
    return row.attempts, row.open, row.prompt_tokens, row.energy_mj


def test_all_but_the_last_day_are_kept(database: Database) -> None:
    store = AttemptStore(database)
    assert database.call(usage_days.keep) == ()
    store.absorb("w", "s", 1, [], [local("a", 0), closed("b", day=0, model="x"), closed("c", day=2)])
    assert database.call(usage_days.with_lines) == (MON, WED)
    assert database.call(lambda c: usage_days.with_lines(c, TUE, WED)) == (WED,)
    assert database.call(usage_days.keep) == (WED,)
    assert database.call(usage_days.keep) == (WED,)
    assert database.call(lambda c: usage_days.keep(c, "", TUE)) == ()
    assert database.call(usage_days.differences) == ()
    by_model = database.call(lambda c: sums(c, [By.MODEL]))
    assert [(row.model, row.attempts, row.cost) for row in by_model] == [("m", 2, 31), ("x", 1, 31)]


def test_whoever_changes_a_line_is_seen(database: Database) -> None:
    store = AttemptStore(database)
    store.absorb("w", "s", 1, [opened("a"), opened("b")], [closed("z", day=2)])
    assert total(database) == (2, 2, 0, None)
    store.absorb("w", "s", 2, [], [local("a", 0)])
    assert total(database) == (2, 1, 10, None), "one has ended"
    store.settle("w")
    assert total(database) == (2, 0, 17, None), "one was interrupted"
    database.call(lambda c: energy.put(c, {("a", 0): 5}, None, 1.0))
    assert total(database) == (2, 0, 17, 5), "its energy is known"
    store.absorb("w", "s", 3, [], [closed("b", prompt=100)])
    assert total(database) == (2, 0, 110, 5), "it had ended after all"
    store.absorb("w", "s", 4, [opened("c")], [])
    assert total(database) == (3, 1, 110, 5), "one came late"
    assert database.call(usage_days.differences) == ()


def test_lines_that_are_taken_over_are_in_them(database: Database) -> None:
    lines = Lines(Joins())
    made = [lines.row(log("r1"))]
    day = str(made[0][0][COLUMNS.index("day")])
    AttemptStore(database).absorb("w", "s", 1, [], [closed("z", day=9000)])
    assert database.call(lambda c: sums(c, (), day, day))[0].attempts == 0
    other = [lines.row(log("r2"))]
    for some in (made, other):
        database.call(lambda c, some=some: bulk.add_lines(c, COLUMNS, [row for row, _ in some], line_sums(some)))  # type: ignore[misc]
        database.call(usage_days.keep)
    assert database.call(lambda c: sums(c, (), day, day))[0].attempts == 2


def test_what_is_wrong_is_found_and_can_be_made_anew(database: Database) -> None:
    AttemptStore(database).absorb("w", "s", 1, [], [closed("a"), closed("b", day=1)])
    database.call(usage_days.keep)
    database.call(lambda c: c.execute(usage_days.usage_days.update().values(cost=1)))
    assert database.call(usage_days.differences) == (MON,)
    database.call(usage_days.unmake_all)
    assert database.call(usage_days.differences) == ()
    assert [row.cost for row in database.call(lambda c: sums(c, (), MON, MON))] == [31]
