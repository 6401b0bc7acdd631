"""Budgets begin where they stand at the source."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from glowplug.domain.budget import Budget, Scope, Window
from glowplug.moving.begin import count_budgets, start_budgets
from glowplug.moving.lines import COLUMNS, WORKER
from glowplug.moving.plan import Plan
from glowplug.moving.plan_budgets import Given
from glowplug.store import bulk, spend
from glowplug.store.database import Database
from tests.support.sqlite import opened

TEAM = Budget(id="budget_1", scope=Scope.TEAM, name="t", amount=10, window=Window.TOTAL)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return opened(tmp_path / "glowplug.db")


def begin(database: Database, spent: int, budget: Budget = TEAM) -> tuple[int, int]:
    """New and moved; looking said the same."""
    plan = Plan(origin="s", ends=frozenset(("budgets",)), budgets=(Given(budget, spent),))
    looked = database.call(lambda c: count_budgets(plan, c))
    count = start_budgets(plan, database, time.time())
    assert count == looked
    return count.new, count.updated


def spent_now(database: Database) -> int:
    return database.call(lambda c: spend.since(c, Scope.TEAM, "t", 0.0))


def add_line(database: Database, request: str, worker: str, cost: int) -> None:
    now = time.time()
    known = {"request": request, "attempt": 0, "state": "closed", "worker": worker, "day": "2026-11-01", "key": "k",
             "started": now, "team": "t", "tags": "[]", "cost": cost}  # fmt: skip
    texts = {"asked", "model", "path", "outcome", "user", "price", "reason", "trace"}
    row = tuple(known.get(name, "" if name in texts else 0) for name in COLUMNS)
    sums = {("team", "t", int(now // 3600)): (cost, 0, 0, 1)}
    database.call(lambda c: bulk.add_lines(c, COLUMNS, [row], sums))


def test_once_with_what_the_lines_do_not_say(database: Database) -> None:
    add_line(database, "1", WORKER, 3)
    assert begin(database, 7) == (1, 0)
    assert spent_now(database) == 7
    assert begin(database, 7) == (0, 0)


def test_what_is_spent_here_is_spent(database: Database) -> None:
    """Also where the lines of the source said all of it the first time."""
    add_line(database, "1", WORKER, 7)
    begin(database, 7)
    add_line(database, "2", "w1", 5)
    assert begin(database, 7) == (0, 0)
    assert spent_now(database) == 12


def test_what_was_spent_there_since_counts_beside_what_was_spent_here(database: Database) -> None:
    begin(database, 7)
    add_line(database, "1", "w1", 5)
    add_line(database, "2", WORKER, 1)
    assert begin(database, 9) == (0, 1)
    assert spent_now(database) == 9 + 5
    assert begin(database, 0) == (0, 1), "begun again there"
    assert spent_now(database) == 0 + 5


def test_what_stands_for_lines_of_a_rolling_window_is_never_less_than_nothing(database: Database) -> None:
    rolling = Budget(id="budget_2", scope=Scope.TEAM, name="t", amount=10, window=Window.ROLLING, seconds=900.0)
    add_line(database, "1", WORKER, 3)
    begin(database, 1, rolling)
    assert spent_now(database) == 3


def test_of_a_budget_that_is_gone_nothing_is_left_for_the_next(database: Database) -> None:
    begin(database, 7)
    start_budgets(Plan(origin="s", ends=frozenset(("budgets",))), database, time.time())
    assert spent_now(database) == 0
