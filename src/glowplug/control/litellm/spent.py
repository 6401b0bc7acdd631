"""What was spent, summed as LiteLLM's endpoints want it, and the budgets that go with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from glowplug.control.litellm.durations import budget_text, written
from glowplug.control.litellm.shapes import nano
from glowplug.control.services import Services
from glowplug.domain.budget import Budget, Scope
from glowplug.errors import RequestError
from glowplug.money import decimal_usd
from glowplug.store.usage import By, UsageSum
from glowplug.usecases.budgets import BudgetBook, BudgetView, NewBudget
from glowplug.usecases.page import MOST


async def sums(services: Services, by: tuple[By, ...], since: str = "", until: str = "") -> list[UsageSum]:
    """Every row of the sums."""
    rows: list[UsageSum] = []
    after = ""
    while True:
        page = await services.usage.sums(by, since, until, MOST, after)
        rows += page.data
        if page.next is None:
            return rows
        after = page.next


@dataclass(frozen=True)
class Sheet:
    """What was spent by keys, users and teams, and their first budgets with how they stand."""

    sums: dict[By, dict[str, int]]
    """Nano-dollars altogether."""
    views: dict[tuple[Scope, str], BudgetView]

    def spent(self, by: By, name: str) -> int:
        """Nano-dollars: in the window of the budget, else altogether."""
        own = self.views.get((Scope(by.value), name))
        return self.sums.get(by, {}).get(name, 0) if own is None or own.spent is None else own.spent


async def sheet(services: Services, *by: By) -> Sheet:
    """Of these groups."""
    found = {}
    for group in by:
        found[group] = {getattr(row, group.value) or "": row.cost for row in await sums(services, (group,))}
    return Sheet(found, {(one.scope, one.name): one for one in reversed(views(services))})


def views(services: Services) -> list[BudgetView]:
    """Every budget with how it stands, oldest first."""
    rows: list[BudgetView] = []
    while services.budgets is not None:
        page = services.budgets.list(MOST, rows[-1].id if rows else "")
        rows += page.data
        if not page.has_more:
            break
    return rows


def budget_book(services: Services) -> BudgetBook:
    """Raises RequestError where there is none."""
    if services.budgets is None:
        raise RequestError("there are no budgets here", hint="leave max_budget out")
    return services.budgets


def budgets_of(services: Services, scope: Scope, name: str) -> tuple[Budget, ...]:
    every = services.budgets.every() if services.budgets else ()
    return tuple(budget for budget in every if budget.scope is scope and budget.name == name)


async def set_budget(
    services: Services, scope: Scope, name: str, sent: dict[str, Any], amount: object, duration: str
) -> None:
    """Put a budget in the place of those of a scope; a null amount takes them away.  Never without in between."""
    old = budgets_of(services, scope, name)
    if "max_budget" not in sent and not old:
        raise RequestError("budget_duration without a budget", hint="send max_budget too")
    if "max_budget" in sent and amount is None:
        await drop(services, old)
        return
    most = nano("max_budget", amount) if "max_budget" in sent else old[0].amount
    if "budget_duration" not in sent and old:
        duration = written(old[0]) or ""
    await give(services, scope, name, budget_text(most, duration))
    await drop(services, old)


async def give(services: Services, scope: Scope, name: str, text: str) -> None:
    names = {scope: frozenset((name,))}
    await budget_book(services).create(NewBudget(budget=text, scope=scope, name=name), names)


async def drop(services: Services, budgets: Iterable[Budget]) -> None:
    for budget in budgets:
        await budget_book(services).delete(budget.id)


async def copy_budgets(services: Services, old: str, new: str) -> None:
    """Give a key the budgets of another."""
    for budget in budgets_of(services, Scope.KEY, old):
        window = f"{int(budget.seconds)}s" if budget.seconds else budget.window.value
        await give(services, Scope.KEY, new, f"{decimal_usd(budget.amount)}/{window}")
