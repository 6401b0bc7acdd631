"""Budgets: list with what was spent, create, delete."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec

from glowplug.clock import Clock
from glowplug.domain.budget import Budget, Scope, Window
from glowplug.domain.change import OURSELVES, Actor
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.ids import short_id
from glowplug.money import NANO
from glowplug.routing.budgets import period_of
from glowplug.store import budgets
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.store.spend import shift_before
from glowplug.units import parse_duration
from glowplug.usecases.changes import done, gone, made
from glowplug.usecases.page import MOST, Page, page
from glowplug.wire.end_user import PREFIX

_LONGEST_NAME = 128
_MOST_AMOUNT = 10**9 * NANO
_AMOUNT = re.compile(r"\$?\d{1,10}(\.\d{1,9})?")


class NewBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new budget is asked to be; the body of `POST /admin/budgets`."""

    budget: str
    """`20/month`: dollars, and hour, day, week, month, total, or how long the rolling window is (`5h`)."""
    scope: Scope = Scope.ALL
    name: str = ""
    """Which key (by id), user, team, tag or model; empty for all."""


class ResetBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where a budget is to go on; the body of `POST /admin/budgets/{id}/reset`."""

    spent: str = "0"
    """Dollars, `1.50`: no more than were spent."""


class State(NamedTuple):
    """How a budget stands now.  Nano-dollars; Unix seconds, infinite where the window has no such end."""

    spent: int
    reserved: int
    starts: float
    ends: float


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """A budget for people.  Nano-dollars."""

    id: str
    scope: Scope
    name: str
    amount: int
    window: Window
    seconds: float
    created_at: float
    spent: int | None
    """None while the counters cannot be read."""
    reserved: int | None
    remaining: int | None
    starts_at: float | None
    ends_at: float | None
    dry_run: bool = False


def view(budget: Budget, state: State | None, dry_run: bool = False) -> BudgetView:
    """A budget for people."""
    return BudgetView(
        id=budget.id,
        scope=budget.scope,
        name=budget.name,
        amount=budget.amount,
        window=budget.window,
        seconds=budget.seconds,
        created_at=budget.created_at,
        spent=None if state is None else state.spent,
        reserved=None if state is None else state.reserved,
        remaining=None if state is None else budget.amount - state.spent - state.reserved,
        starts_at=None if state is None or abs(state.starts) == float("inf") else state.starts,
        ends_at=None if state is None or state.ends == float("inf") else state.ends,
        dry_run=dry_run,
    )


def parse_budget(text: str) -> tuple[int, Window, float]:
    """(nano-dollars, window, seconds of a rolling window) from `20/month` or `0.50/5h`.  Raises RequestError."""
    amount, slash, span = (part.strip() for part in text.partition("/"))
    wrong = RequestError(
        f"{text!r} is not a budget",
        hint="write for example 20/month, 1.50/day, 5/5h (the last five hours) or 100/total",
    )
    if not slash or not _AMOUNT.fullmatch(amount):
        raise wrong
    try:
        nano = int(Decimal(amount.lstrip("$")) * NANO)
    except InvalidOperation:
        raise wrong from None
    if nano > _MOST_AMOUNT:
        raise RequestError(f"{text!r} is more than a thousand million dollars", hint="leave the budget out")
    if span in (Window.HOUR, Window.DAY, Window.WEEK, Window.MONTH, Window.TOTAL):
        return nano, Window(span), 0.0
    try:
        seconds = parse_duration(span)
    except ValueError:
        raise wrong from None
    if not 60.0 <= seconds < float("inf"):
        raise RequestError(f"the window of {text!r} is too short", hint="a rolling window has at least a minute")
    return nano, Window.ROLLING, seconds


def checked_name(what: str, name: str) -> str:
    """The name of a user, team or tag as it is stored.  Raises RequestError."""
    name = name.strip()
    if what == Scope.USER and name.startswith(PREFIX):
        raise RequestError(
            f"the user {name!r} cannot be used",
            hint=f"{PREFIX}… are those that requests name, who may have budgets and limits and nothing else",
        )
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise RequestError(
            f"the {what} {name[:40]!r} cannot be used", hint=f"use at most {_LONGEST_NAME} printable characters"
        )
    return name


def checked_scope(scope: Scope, name: str, names: Mapping[Scope, frozenset[str]]) -> str:
    """The name in a scope; `names` are those there are, where they are known.  Raises RequestError."""
    if scope is Scope.ALL:
        if name:
            raise RequestError(f"all has no name, and {name!r} was given", hint="leave the name out")
        return ""
    # Of users also those that requests name: through keys with `end_users` they are limited.
    end = scope is Scope.USER and name.strip().startswith(PREFIX)
    name = checked_name("end user" if end else scope, name)
    if not name or name == PREFIX:
        raise RequestError(f"which {scope}?", hint="give its name")
    known = names.get(scope)
    if known is not None and name not in known and not end:
        raise RequestError(f"there is no {scope} {name!r}", hint=f"there are {', '.join(sorted(known)[:20]) or 'none'}")
    return name


class BudgetBook:
    """All budgets in memory, the database behind them.

    `changed` is awaited after every change: workers know of it when it returns.  `states` says how budgets stand.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        changed: Callable[[], Awaitable[None]],
        states: Callable[[], Mapping[str, State]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed
        self._states = states
        self._budgets: dict[str, Budget] = {}
        self._change = asyncio.Lock()

    async def load(self) -> None:
        """Read all budgets from the database.  Raises StoreError."""
        self._budgets = {budget.id: budget for budget in await self._database.run(budgets.every)}

    async def reload(self) -> None:
        """Read them again, because something else has changed them."""
        async with self._change:
            await self.load()
            await self._changed()

    def every(self) -> tuple[Budget, ...]:
        """All of them, oldest first."""
        return tuple(self._budgets.values())

    def views(self) -> tuple[BudgetView, ...]:
        """All of them, with how they stand."""
        states = self._states()
        return tuple(view(budget, states.get(budget.id)) for budget in self._budgets.values())

    def list(self, limit: int = MOST, after: str = "") -> Page[BudgetView]:
        """Budgets for people, with how they stand."""
        return page(self.views(), lambda row: row.id, limit, after)

    async def create(
        self,
        wanted: NewBudget,
        names: Mapping[Scope, frozenset[str]],
        dry_run: bool = False,
        *,
        actor: Actor = OURSELVES,
    ) -> BudgetView:
        """Make a budget; what was spent in its window before counts.  Raises RequestError."""
        amount, window, seconds = parse_budget(wanted.budget)
        budget = Budget(
            id=short_id("budget"),
            scope=wanted.scope,
            name=checked_scope(wanted.scope, wanted.name, names),
            amount=amount,
            window=window,
            seconds=seconds,
            created_at=self._clock.unix(),
        )
        if dry_run:
            return view(budget, None, dry_run=True)
        line = made(actor, budget.created_at, "budget", budget.id, budget)
        async with self._change:
            await self._database.run(noted(lambda c: budgets.add(c, budget), line))
            self._budgets = {**self._budgets, budget.id: budget}
            await self._changed()
        return view(budget, self._states().get(budget.id))

    async def reset(
        self, budget_id: str, wanted: ResetBudget, dry_run: bool = False, *, actor: Actor = OURSELVES
    ) -> BudgetView:
        """Let a budget go on in its window as if no more than so much had been spent.  The ledger stays as it is.

        Raises NotFound, RequestError, Conflict where it cannot be had.
        """
        if not _AMOUNT.fullmatch(wanted.spent.strip()):
            raise RequestError(f"spent is {wanted.spent[:40]!r}", hint="write dollars, for example 0 or 1.50")
        to = int(Decimal(wanted.spent.strip().lstrip("$")) * NANO)
        async with self._change:
            budget, now = self._get(budget_id), self._clock.unix()
            others = [one for one in self._budgets.values() if (one.scope, one.name) == (budget.scope, budget.name)]
            state = self._states().get(budget_id)
            if budget.window is Window.ROLLING:
                raise RequestError(
                    "a budget of a rolling window has no beginning",
                    hint="what was spent leaves it by itself; make a larger one for the time being",
                )
            if len(others) > 1:
                raise Conflict(
                    f"{len(others)} budgets count what {budget_id} counts", hint="take the others away before"
                )
            if state is None:
                raise Conflict("what was spent cannot be read now", hint="try again when the counters are there")
            if to > state.spent:
                raise RequestError("more than was spent", hint=f"at most {Decimal(state.spent) / NANO:f}")
            shown = view(budget, state._replace(spent=to), dry_run)
            if dry_run:
                return shown
            line = done(actor, now, "reset", "budget", budget_id, {"spent": to, "spent_before": state.spent})
            less, since = to - state.spent, period_of(budget, now).start
            await self._database.run(
                noted(lambda c: shift_before(c, budget.scope, budget.name, since, now, less), line)
            )
            await self._changed()
        return shown

    def _get(self, budget_id: str) -> Budget:
        budget = self._budgets.get(budget_id)
        if budget is None:
            raise NotFound(f"there is no budget {budget_id!r}", hint="glowplug budgets list shows the ids")
        return budget

    async def delete(self, budget_id: str, dry_run: bool = False, *, actor: Actor = OURSELVES) -> BudgetView:
        """Take a budget away.  Raises NotFound."""
        async with self._change:
            budget = self._get(budget_id)
            shown = view(budget, self._states().get(budget_id), dry_run)
            if not dry_run:
                line = gone(actor, self._clock.unix(), "budget", budget_id, budget)
                await self._database.run(noted(lambda c: budgets.remove(c, budget_id), line))
                self._budgets = {key: one for key, one in self._budgets.items() if key != budget_id}
                await self._changed()
        return shown
