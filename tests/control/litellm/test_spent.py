from __future__ import annotations

import pytest

from glowplug.control.litellm import spent
from glowplug.domain.budget import Scope
from glowplug.domain.change import OURSELVES
from glowplug.store.usage import By
from glowplug.usecases.budgets import NewBudget, State
from tests.control.conftest import Control


@pytest.mark.usefixtures("ledger")
async def test_in_the_window_of_the_budget_else_altogether(control: Control) -> None:
    sheet = await spent.sheet(control.services, By.KEY, By.USER)
    assert (sheet.spent(By.KEY, "k1"), sheet.spent(By.USER, "ann"), sheet.spent(By.KEY, "k9")) == (332, 363, 0)
    budget = await control.budgets.create(NewBudget(budget="1/day", scope=Scope.USER, name="ann"), {})
    control.states[budget.id] = State(77, 0, 0.0, 1.0)
    assert (await spent.sheet(control.services, By.USER)).spent(By.USER, "ann") == 77


async def test_budgets_beyond_one_page(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spent, "MOST", 2)
    for name in ("a", "b", "c"):
        await spent.give(control.services, Scope.TEAM, name, "1/day", OURSELVES)
    assert [view.name for view in spent.views(control.services)] == ["a", "b", "c"]
