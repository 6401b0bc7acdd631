"""Allowances as budgets and limits."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Note
from glowplug.domain.budget import Scope, Window
from glowplug.moving.litellm.rows.allowance import Allowance, ModelAllowance
from glowplug.moving.litellm.rows.allowance import Window as Further
from glowplug.moving.litellm.rows.budgets import Budget as Shared
from glowplug.moving.plan_budgets import Holder, budgets, limit, more_now, numbers, window_of

HOLDER = Holder(Scope.TEAM, "search", "LiteLLM_TeamTable[search]", "the team 'search'", 5.0, 7)


@pytest.mark.parametrize(("period", "window"), [
    ("", (Window.TOTAL, 0.0)), ("1h", (Window.HOUR, 0.0)), ("60m", (Window.HOUR, 0.0)), ("24h", (Window.DAY, 0.0)),
    ("1d", (Window.DAY, 0.0)), ("7d", (Window.WEEK, 0.0)), ("1w", (Window.WEEK, 0.0)), ("30d", (Window.MONTH, 0.0)),
    ("1mo", (Window.MONTH, 0.0)), ("5h", (Window.ROLLING, 18_000.0)), ("30s", (Window.ROLLING, 60.0)),
    ("monthly", None), ("0d", None),
])  # fmt: skip
def test_periods(period: str, window: object) -> None:
    assert window_of(period) == window


def test_every_amount_is_a_budget_once_and_the_rest_is_noted() -> None:
    notes: list[Note] = []
    allowance = Allowance(
        most=10, warn=5, period="30d", tokens_per_day=9, models=(ModelAllowance("m", 1),),
        windows=(Further(3, "5h"), Further(4, "1mo"), Further(5, "soon")),
    )  # fmt: skip
    given = list(budgets(HOLDER, allowance, 100.0, notes, more=2))
    assert [(one.budget.amount, one.budget.window, one.spent) for one in given] == [
        (12, Window.MONTH, 7), (5, Window.ROLLING, 7), (7, Window.TOTAL, 7),
    ]  # fmt: skip
    assert given[2].budget.created_at == 5.0
    assert [one.budget.id for one in given] == [one.budget.id for one in budgets(HOLDER, allowance, 200.0, [], more=2)]
    said = " ".join(map(str, notes))
    for word in ("5h", "1mo", "soon", "soft budget", "tokens a day", "for m only"):
        assert word in said


def test_limits_of_the_shared_budget_fill_what_is_not_said() -> None:
    own, shared = Allowance(requests_per_minute=5), Allowance(requests_per_minute=9, at_once=0)
    assert numbers(own, shared) == (5, None, 1)
    assert limit(HOLDER, Allowance()) is None
    found = limit(HOLDER, own)
    assert found is not None
    assert (found.scope, found.name, found.rpm) == (Scope.TEAM, "search", 5)


def test_more_is_given_until_its_time_is_over() -> None:
    shared = Shared("b", Allowance(), more=3, more_until=10.0)
    assert (more_now(shared, 9.0), more_now(shared, 11.0)) == (3, 0)
