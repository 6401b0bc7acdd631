"""What was spent, summed as LiteLLM's endpoints want it, and the budgets that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from glowplug.control.litellm.durations import budget_text, written
from glowplug.control.litellm.shapes import nano
from glowplug.control.services import Services
from glowplug.domain.budget import Budget, Scope
from glowplug.domain.change import Actor
from glowplug.errors import RequestError
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
    identity: Callable[[str], str]
    """Id of a key → the id that its usage and budgets go by."""

    def budget(self, scope: Scope, name: str) -> BudgetView | None:
        return self.views.get((scope, self.identity(name) if scope is Scope.KEY else name))

    def spent(self, by: By, name: str) -> int:
        """Nano-dollars: in the window of the budget, else altogether."""
        own = self.budget(Scope(by.value), name)
        name = self.identity(name) if by is By.KEY else name
        return self.sums.get(by, {}).get(name, 0) if own is None or own.spent is None else own.spent


async def sheet(services: Services, *by: By) -> Sheet:
    """Of these groups."""
    found = {}
    for group in by:
        found[group] = {getattr(row, group.value) or "": row.cost for row in await sums(services, (group,))}
    return Sheet(found, {(one.scope, one.name): one for one in reversed(views(services))}, services.keys.identity)


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
    services: Services, scope: Scope, name: str, sent: dict[str, Any], amount: object, duration: str, actor: Actor
) -> None:
    """Put a budget in the place of those of a scope; a null amount takes them away.  Never without in between."""
    old = budgets_of(services, scope, name)
    if "max_budget" not in sent and not old:
        raise RequestError("budget_duration without a budget", hint="send max_budget too")
    if "max_budget" in sent and amount is None:
        await drop(services, old, actor)
        return
    most = nano("max_budget", amount) if "max_budget" in sent else old[0].amount
    if "budget_duration" not in sent and old:
        duration = written(old[0]) or ""
    await give(services, scope, name, budget_text(most, duration), actor)
    await drop(services, old, actor)


async def give(services: Services, scope: Scope, name: str, text: str, actor: Actor) -> None:
    names = {scope: frozenset((name,))}
    await budget_book(services).create(NewBudget(budget=text, scope=scope, name=name), names, actor=actor)


async def drop(services: Services, budgets: Iterable[Budget], actor: Actor) -> None:
    for budget in budgets:
        await budget_book(services).delete(budget.id, actor=actor)
