"""No question of a page reads a big table from end to end, whatever it is narrowed by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import event

from glowplug.store.database import Database
from tests.still_clock import StillClock
from tests.support.sqlite import opened
from tools.history import asking, making, storing

SHAPE = making.Shape(300, days=6, keys=20, changes=50)
BIG = ("attempts", "lines", "other", "spend", "changes", "request_bodies")
"""Tables with a row a request, an hour or a change, as statements call them.  Sums of days are made to be read."""
ENDLESS = ", all of them"
"""Behind the plans of statements without a limit: an index that leads to half of the past does not help these."""
SHORT = ("SCAN lines", "SCAN attempts USING INDEX attempts_open")
"""Lines that a search has picked out before, and the index that has only what is in flight."""
WHOLE = {
    "changes: all": "SCAN changes USING INDEX changes_at",
    "changes: of a person": "SCAN changes USING INDEX changes_at",
    "changes: an action of none": "SCAN changes USING INDEX changes_at",
}
"""What goes backwards through an index until it has enough."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with closing(opened(tmp_path_factory.mktemp("history") / "history.db")) as database:
        storing.store(database, SHAPE, lambda _line: None)
        yield database


@pytest.mark.parametrize("name", asking.questions(None, SHAPE, StillClock()))  # type: ignore[arg-type]  # names alone
async def test_an_index_leads_there(history: Database, name: str) -> None:
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith(("SELECT", "WITH")):
            other = connection.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.extend(f"{row[3]}{'' if 'LIMIT' in statement else ENDLESS}" for row in other.fetchall())

    event.listen(history.engine, "before_cursor_execute", explain)
    try:
        await asking.questions(history, SHAPE, StillClock())[name]()
    finally:
        event.remove(history.engine, "before_cursor_execute", explain)
    assert plans
    assert [plan for plan in plans if plan.endswith((f"(started<?){ENDLESS}", f"(started>?){ENDLESS}"))] == []
    plans = [plan.removesuffix(ENDLESS) for plan in plans]
    read = [plan for plan in plans if plan.split()[0] == "SCAN" and plan.split()[1] in BIG]
    assert [plan for plan in read if plan not in (WHOLE.get(name), *SHORT)] == []


async def test_every_question_has_a_time(history: Database) -> None:
    asked = asking.questions(history, SHAPE, StillClock())
    found = await asking.measure({name: asked[name] for name in list(asked)[:2]}, 2)
    assert [one.name for one in found] == list(asked)[:2]
    assert all(one.first > 0 and one.usual > 0 and one.busy >= 0 for one in found)
