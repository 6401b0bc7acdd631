from __future__ import annotations

import pytest

from glowplug.domain.budget import Budget, Scope, Window
from glowplug.errors import StoreError
from glowplug.store import budgets
from glowplug.store.database import Database

ONE = Budget(id="b1", scope=Scope.TEAM, name="web", amount=1 << 50, window=Window.ROLLING, seconds=90.5, created_at=2.0)
TWO = Budget(id="b2", scope=Scope.ALL, amount=5, created_at=1.0)


def test_a_budget_is_read_back_as_it_was_stored_and_goes(database: Database) -> None:
    for budget in (ONE, TWO):
        database.call(lambda c, budget=budget: budgets.add(c, budget))
    assert database.call(budgets.every) == (TWO, ONE)
    with pytest.raises(StoreError, match=r"(?i)unique"):
        database.call(lambda c: budgets.add(c, ONE))
    assert database.call(lambda c: (budgets.remove(c, "b1"), budgets.remove(c, "b1"))) == (True, False)
    assert database.call(budgets.every) == (TWO,)
