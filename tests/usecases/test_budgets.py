"""What a budget is asked to be (see also tests/control/api/test_budgets.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.budget import Scope, Window
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.store.spend import since
from glowplug.usecases.budgets import BudgetBook, NewBudget, ResetBudget, State, checked_scope, parse_budget
from glowplug.usecases.changes import ChangeLog
from tests.still_clock import StillClock
from tests.support.sqlite import opened


@pytest.mark.parametrize(("text", "wanted"), [
    ("20/month", (20_000_000_000, Window.MONTH, 0.0)),
    ("$1.50 / day", (1_500_000_000, Window.DAY, 0.0)),
    ("0.000000001/total", (1, Window.TOTAL, 0.0)),
    ("5/5h", (5_000_000_000, Window.ROLLING, 18_000.0)),
    ("0/week", (0, Window.WEEK, 0.0)),
    ("7/hour", (7_000_000_000, Window.HOUR, 0.0)),
])  # fmt: skip
def test_budgets_are_written_so(text: str, wanted: tuple[int, Window, float]) -> None:
    assert parse_budget(text) == wanted


@pytest.mark.parametrize("text", [
    "", "20", "/month", "20/", "-1/month", "1e3/month", "20/year", "20/rolling", "20/30s", "20/-1", "1.0000000001/day",
    "9999999999/day", "20/month/day", "nan/day",
])  # fmt: skip
def test_these_are_none(text: str) -> None:
    with pytest.raises(RequestError):
        parse_budget(text)


def test_names() -> None:
    assert checked_scope(Scope.TEAM, " web ", {}) == "web"
    assert checked_scope(Scope.ALL, "", {}) == ""
    with pytest.raises(RequestError, match="no key"):
        checked_scope(Scope.KEY, "k", {Scope.KEY: frozenset()})


async def test_they_are_there_after_a_restart(tmp_path: Path) -> None:
    database = opened(tmp_path / "glowplug.db")
    told = []

    async def changed() -> None:
        told.append(len(book.every()))

    book = BudgetBook(database, StillClock(), changed, dict)
    one = await book.create(NewBudget(budget="1/day"), {})
    later = BudgetBook(database, StillClock(), changed, dict)
    await later.load()
    assert [budget.id for budget in later.every()] == [one.id]
    await book.delete(one.id)
    assert told == [1, 0]
    database.close()


async def test_one_begins_again_in_its_window_and_the_ledger_stays(tmp_path: Path) -> None:
    database, clock, told = opened(tmp_path / "glowplug.db"), StillClock(), list[str]()

    async def changed() -> None:
        told.append("told")

    states: dict[str, State] = {}
    book = BudgetBook(database, clock, changed, lambda: states)
    made = await book.create(NewBudget(budget="5/total", scope=Scope.TEAM, name="web"), {})

    def spent(nano: int) -> None:
        """As counters say it: what the ledger knows, and what was noted beside it."""
        more = database.call(lambda c: since(c, Scope.TEAM, "web", made.created_at))
        states[made.id] = State(spent=nano + more, reserved=3, starts=made.created_at, ends=float("inf"))

    with pytest.raises(Conflict, match="cannot be read"):
        await book.reset(made.id, ResetBudget())
    spent(4_000_000_000)
    assert (await book.reset(made.id, ResetBudget(spent="1"), dry_run=True)).spent == 1_000_000_000
    assert database.call(lambda c: since(c, Scope.TEAM, "web", 0.0)) == 0
    now = await book.reset(made.id, ResetBudget(spent="$1.50"))
    assert (now.spent, now.reserved, now.remaining) == (1_500_000_000, 3, 3_500_000_000 - 3)
    clock.now += 10
    spent(4_500_000_000)
    assert states[made.id].spent == 2_000_000_000, "half a dollar more since"
    await book.reset(made.id, ResetBudget())
    spent(4_500_000_000)
    assert (states[made.id].spent, len(told)) == (0, 3)
    log = await ChangeLog(database, clock, lambda: 1e9).newest()
    assert [(one.action, (one.after or {})["spent_before"]) for one in log.data[:2]] == [
        ("reset", 2_000_000_000), ("reset", 4_000_000_000),
    ]  # fmt: skip
    for wrong in ("", "-1", "x", "9"):
        with pytest.raises(RequestError):
            await book.reset(made.id, ResetBudget(spent=wrong))
    rolling = await book.create(NewBudget(budget="5/5h"), {})
    with pytest.raises(RequestError, match="no beginning"):
        await book.reset(rolling.id, ResetBudget())
    await book.create(NewBudget(budget="5/day", scope=Scope.TEAM, name="web"), {})
    with pytest.raises(Conflict, match="2 budgets count"):
        await book.reset(made.id, ResetBudget())
    with pytest.raises(NotFound):
        await book.reset("budget_x", ResetBudget())
    database.close()
