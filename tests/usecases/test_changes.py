from __future__ import annotations

import pytest

from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.domain.change import Actor
from glowplug.errors import RequestError
from glowplug.store.database import Database
from glowplug.usecases.budgets import BudgetBook
from glowplug.usecases.changes import ChangeLog, done, gone, made, plain, updated
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.usecases.limits import LimitBook, NewLimit
from tests.still_clock import StillClock
from tests.usecases.people import PEPPER, ROOT, People


def test_no_line_has_a_secret() -> None:
    key = ApiKey(id="k", name="n", display="d", digest=b"\1" * 32, imported=b"\2" * 32, role=Role.ADMIN)
    assert {"digest", "imported"}.isdisjoint(plain(key))
    assert plain(key)["role"] == "admin"
    line = updated(
        ROOT, 5.0, "key", "k", key, ApiKey(id="k", name="m", display="d", digest=b"\3" * 32, role=Role.ADMIN)
    )
    assert (line.before, line.after) == ({"name": "n"}, {"name": "m"})
    assert gone(ROOT, 5.0, "key", "k", key).after is None
    assert made(Actor(by="x" * 300), 5.0, "key", "k", key).by == "x" * 255


async def test_paging_and_retention(database: Database) -> None:
    clock = StillClock()
    kept = [100.0]
    log = ChangeLog(database, clock, lambda: kept[0])
    for number in range(5):
        clock.now += 1
        await log.note(done(ROOT, clock.now, "reload", "config", str(number)))
    first = await log.newest(2)
    assert [line.subject for line in first.data] == ["4", "3"]
    rest = await log.newest(3, after=first.next or "")
    assert ([line.subject for line in rest.data], rest.has_more) == (["2", "1", "0"], False)
    kept[0] = 1.5
    assert [line.subject for line in (await log.newest()).data] == ["4", "3"]
    assert await log.forget() == 0
    for wrong in (log.newest(0), log.newest(after="change_x")):
        with pytest.raises(RequestError):
            await wrong


async def test_keys_budgets_and_limits_leave_lines(database: Database) -> None:
    async def nothing() -> None:
        return None

    people = People(database)
    budgets = BudgetBook(database, people.clock, nothing, dict)
    limits = LimitBook(database, people.tell, people.clock)
    keys = KeyBook(database, PEPPER, people.clock, people.tell, budgets)
    key = await keys.create(NewKey(name="k", budget="1/day"), frozenset(), actor=ROOT)
    await keys.create(NewKey(), frozenset(), dry_run=True, actor=ROOT)
    await keys.revoke(key.id, actor=ROOT)
    await keys.revoke(key.id, actor=ROOT)
    (budget,) = budgets.every()
    await budgets.delete(budget.id, actor=ROOT)
    for rpm in (1, 2):
        await limits.put(NewLimit(scope=Scope.TEAM, name="web", rpm=rpm), {}, actor=ROOT)
    await limits.delete(Scope.TEAM, "web", actor=ROOT)
    assert await people.actions() == [
        f"create budget {budget.id}",
        f"create key {key.id}",
        f"revoke key {key.id}",
        f"delete budget {budget.id}",
        "create limit team web",
        "update limit team web",
        "delete limit team web",
    ]
    lines = await people.lines()
    assert key.key not in str(lines)
    assert {line.by for line in lines} == {"root"}
    assert lines[5].before == {"rpm": 1}
