from __future__ import annotations

from sqlalchemy import select

from glowplug.store import statements
from glowplug.store.database import Database
from glowplug.store.tables import spend

COLUMNS = ("scope", "name", "hour", "nano", "prompt_tokens", "completion_tokens", "attempts")


def test_rows_go_in_as_tuples_and_quoted_names_are_columns(database: Database) -> None:
    rows = [("user", "%s", 1, 2, 3, 4, 5), ("user", "?", 1, 2, 3, 4, 5)]
    again = "ON CONFLICT DO NOTHING"
    for _ in range(2):
        database.call(
            lambda c: c.exec_driver_sql(statements.insert(c, spend, COLUMNS, again), rows)  # values stay values
        )
    assert sorted(database.call(lambda c: c.execute(select(spend.c.name)).scalars().all())) == ["%s", "?"]


def test_there_is_a_place_for_each_value(database: Database) -> None:
    found = database.call(lambda c: c.exec_driver_sql(f"SELECT {statements.values(c, 3)}", ("a", "b", "c")).one())
    assert tuple(found) == ("a", "b", "c")
