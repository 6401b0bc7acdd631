from __future__ import annotations

from sqlalchemy import insert, select

from glowplug.store.database import Database
from glowplug.store.renames import rename
from glowplug.store.tables import budgets, teams, use_limits


def test_everything_that_names_it_and_a_second_time_nothing(database: Database) -> None:
    budget = {"id": "b", "amount": 1, "period": "day", "seconds": 0.0, "created_at": 0.0}
    for one in (
        insert(teams).values(id="t", name="", models=["x", "old"], created_at=0.0),
        insert(teams).values(id="u", name="", models=["older"], created_at=0.0),
        insert(budgets).values(scope="model", name="old", **budget),
        insert(budgets).values(scope="team", name="old", **{**budget, "id": "c"}),
        insert(use_limits).values(scope="model", name="old", rpm=1),
        insert(use_limits).values(scope="model", name="new", rpm=2),
    ):
        database.call(lambda c, one=one: c.execute(one))
    first = database.call(lambda c: rename(c, "old", "new"))
    assert {table: count for table, count in first.items() if count} == {"teams": 1, "budgets": 1, "use_limits": 1}
    assert not any(database.call(lambda c: rename(c, "old", "new")).values())
    found = database.call(lambda c: {row.id: row.models for row in c.execute(select(teams))})
    assert found == {"t": ["x", "new", "old"], "u": ["older"]}
    limits = database.call(lambda c: [(row.name, row.rpm) for row in c.execute(select(use_limits))])
    assert limits == [("new", 1)]
    named = database.call(lambda c: {(row.scope, row.name) for row in c.execute(select(budgets))})
    assert named == {("model", "new"), ("team", "old")}
