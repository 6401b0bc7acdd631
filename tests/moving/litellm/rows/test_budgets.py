from __future__ import annotations

from glowplug.moving.litellm.rows.budgets import read_budget
from tests.moving.litellm.rows.reading import reading


def test_a_budget() -> None:
    row = {"budget_id": "b", "max_budget": 10.0, "budget_duration": "30d", "allowed_models": ["chat"]}
    budget = read_budget(row | {"temp_budget_increase": 5.0, "temp_budget_expiry": 9.0}, reading())
    assert (budget.id, budget.allowance.most, budget.allowance.period) == ("b", 10_000_000_000, "30d")
    assert (budget.models, budget.more, budget.more_until) == (("chat",), 5_000_000_000, 9.0)
