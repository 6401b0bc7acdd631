"""What a budget is asked to be (see also tests/control/api/test_budgets.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.budget import Scope, Window
from glowplug.errors import RequestError
from glowplug.usecases.budgets import BudgetBook, NewBudget, checked_scope, parse_budget
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
