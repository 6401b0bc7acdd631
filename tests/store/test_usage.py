from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import update

from glowplug.domain.usage import Outcome
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.tables import attempts
from glowplug.store.usage import By, UsageSum, sums
from tests.ledger.builders import closed, opened


@pytest.fixture
def filled(database: Database) -> Database:
    records = [
        closed("a", model="x", key="k1", day=0),
        closed("b", model="x", key="k2", day=0, outcome=Outcome.TIMEOUT),
        closed("c", model="y", key="k1", day=1, prompt=100, completion=50),
    ]
    AttemptStore(database).absorb("w", "s", 1, [opened("d", model="x", key="k1", day=1)], records)
    return database


def test_sums_by_any_group_in_order(filled: Database) -> None:
    by_day = filled.call(lambda c: sums(c, [By.DAY]))
    assert by_day == (
        UsageSum(day="2025-11-24", attempts=2, failed=1, prompt_tokens=20, completion_tokens=10, cost=62),
        UsageSum(day="2025-11-25", attempts=2, open=1, prompt_tokens=100, completion_tokens=50, cost=301),
    )
    both = filled.call(lambda c: sums(c, [By.KEY, By.MODEL]))
    assert [(s.model, s.key, s.attempts) for s in both] == [("x", "k1", 2), ("x", "k2", 1), ("y", "k1", 1)]
    assert {s.day for s in both} == {None}


def test_whose_it_was_and_what_has_no_price(database: Database) -> None:
    free = msgspec.structs.replace(closed("a", key="k"), cost=0, price="")
    unused = msgspec.structs.replace(free, request="b", prompt_tokens=0, completion_tokens=0)
    AttemptStore(database).absorb("w", "s", 1, [opened("c")], [free, unused, closed("d", key="other")])
    by_team = database.call(lambda c: sums(c, [By.TEAM, By.USER]))
    assert [(s.team, s.user, s.cost, s.unpriced) for s in by_team] == [("", "ann", 0, 1), ("web", "ann", 31, 0)]


@pytest.mark.parametrize(
    ("since", "until", "attempts"),
    [("", "", 4), ("2025-11-25", "", 2), ("", "2025-11-24", 2), ("2025-11-24", "2025-11-25", 4), ("2026-01-01", "", 0)],
)
def test_bounds_are_included(filled: Database, since: str, until: str, attempts: int) -> None:
    [total] = filled.call(lambda c: sums(c, [], since, until))
    assert total.attempts == attempts


def test_the_index_alone_answers(filled: Database) -> None:
    if filled.engine.dialect.name != "sqlite":
        pytest.skip("what PostgreSQL plans depends on how many rows there are")
    from sqlalchemy import event

    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT") and "FROM attempts" in statement:
            other = connection.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.extend(row[3] for row in other.fetchall())

    event.listen(filled.engine, "before_cursor_execute", explain)
    filled.call(lambda c: sums(c, list(By), "2025-11-24"))
    filled.call(lambda c: sums(c, list(By), "2025-11-24"))
    assert plans
    assert all(plan.startswith("SEARCH attempts USING COVERING INDEX attempts_usage") for plan in plans)


def test_energy_is_added_up_where_it_is_known(filled: Database) -> None:
    assert [row.energy_mj for row in filled.call(lambda c: sums(c, ()))] == [None]
    filled.call(lambda c: c.execute(update(attempts).where(attempts.c.state == "closed").values(energy_mj=0)))
    assert [row.energy_mj for row in filled.call(lambda c: sums(c, ()))] == [0], "a zero is a value"
