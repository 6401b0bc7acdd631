"""Carrying a plan out."""

from __future__ import annotations

import time
from pathlib import Path

from glowplug.domain.budget import Budget, Scope, Window
from glowplug.moving import apply
from glowplug.moving.plan import Plan
from glowplug.moving.plan_budgets import Given
from glowplug.offline import offline
from glowplug.secret import Secret
from glowplug.store import spend


def test_a_secret_that_is_here_stays(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        notes: list[object] = []

        def stored(value: str) -> int:
            return apply.store_secrets(Plan(secrets={"openai": Secret(value)}), store.database, store.paths, notes).new  # type: ignore[arg-type]

        assert (stored("one"), stored("one"), notes) == (1, 0, [])
        assert stored("two") == 0
        assert len(notes) == 1
        assert "two" not in str(notes)


def test_a_budget_begins_with_what_was_spent_and_only_once(tmp_path: Path) -> None:
    budget = Budget(id="budget_1", scope=Scope.TEAM, name="t", amount=10, window=Window.MONTH)
    now = time.time()
    with offline(tmp_path / "state") as store:
        for spent, new in ((7, 1), (9, 0)):
            given = Plan(budgets=(Given(budget, spent),))
            assert apply.start_budgets(given, store.database, now).new == new
        assert store.database.call(lambda c: spend.since(c, Scope.TEAM, "t", now - 60)) == 7
