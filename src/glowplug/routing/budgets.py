"""The arithmetic of budgets: in which window a moment is, and what is left.  Pure; nano-dollars, Unix seconds.

Something is admitted as long as anything is left, so a budget is passed by at most the one request that used up its
rest (and by one more for each other worker that looked in the same instant).  To ask that a whole estimate fits would
keep the last of every budget from being used, because estimates are made for the longest answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import NamedTuple, Protocol

from glowplug.domain.budget import Budget, Window


class Period(NamedTuple):
    """One window of a budget, from `start` up to, not including, `end`."""

    start: float
    end: float


UNKNOWN = 1 << 62
"""What an account that cannot be read has spent."""


class Account(Protocol):
    """What is known of one period (`glowplug.ledger.counters.Tally`)."""

    def spent(self) -> int:
        """What the ledger knows and what workers settled since, never too little."""

    def reserved(self) -> int:
        """What all workers that live hold for requests under way."""

    def taken(self) -> int:
        """Both together; never too little, whatever happens while it looks."""

    def hold(self, amount: int) -> None: ...
    def settle(self, cost: int, held: int) -> None:
        """So much of what was held is over, and has cost this.  Whoever looks meanwhile sees too much, never too
        little."""


def period_of(budget: Budget, now: float) -> Period:
    """The window a moment is in.  That of a rolling window is everything: the ledger is asked what is in it."""
    window = budget.window
    if window is Window.ROLLING:
        return Period(-inf, inf)
    if window is Window.TOTAL:
        return Period(budget.created_at, inf)
    moment = datetime.fromtimestamp(now, UTC)
    if window is Window.HOUR:
        start = moment.replace(minute=0, second=0, microsecond=0)
        return Period(start.timestamp(), (start + timedelta(hours=1)).timestamp())
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if window is Window.DAY:
        return Period(day.timestamp(), (day + timedelta(days=1)).timestamp())
    if window is Window.WEEK:
        monday = day - timedelta(days=day.weekday())
        return Period(monday.timestamp(), (monday + timedelta(days=7)).timestamp())
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Period(first.timestamp(), following.timestamp())


def periods(budget: Budget, now: float) -> tuple[Period, ...]:
    """The window a moment is in and the one behind it, so that whoever has both passes the boundary alone."""
    current = period_of(budget, now)
    return (current,) if current.end == inf else (current, period_of(budget, current.end))


def counted_from(budget: Budget, period: Period, now: float) -> float:
    """From when on spend counts in a period."""
    return now - budget.seconds if budget.window is Window.ROLLING else period.start


class Meter:
    """One budget as a worker sees it: its periods in order, each with its account."""

    __slots__ = ("_account", "_until", "amount", "budget", "periods")

    def __init__(self, budget: Budget, periods: tuple[tuple[Period, Account], ...]) -> None:
        self.budget = budget
        self.amount = budget.amount
        self.periods = periods
        (_, self._until), self._account = periods[0]

    def account(self, now: float) -> Account:
        """That of the period a moment is in."""
        return self._account if now < self._until else self.at(now)[1]

    def at(self, now: float) -> tuple[Period, Account]:
        """The period a moment is in.  Behind the last (control is away for long) the last goes on, and before the
        first the first counts: there is never a moment without one."""
        for entry in self.periods:
            if now < entry[0].end:
                return entry
        return self.periods[-1]

    def left(self, now: float) -> int:
        """What may still be spent; negative when the budget is passed."""
        account = self._account if now < self._until else self.at(now)[1]
        return self.amount - account.taken()


class Reservation:
    """What one attempt holds against several budgets, until it is settled or released, once."""

    __slots__ = ("_accounts", "_open", "amount")

    def __init__(self, accounts: Sequence[Account], amount: int) -> None:
        self.amount = amount
        self._accounts = accounts
        self._open = True
        for account in accounts:
            account.hold(amount)

    def grow(self, amount: int) -> None:
        """It has cost this much already and is not over: hold no less from now on."""
        more = amount - self.amount
        if self._open and more > 0:
            self.amount = amount
            for account in self._accounts:
                account.hold(more)

    def settle(self, cost: int) -> None:
        """It has cost this."""
        if self._open:
            self._open = False
            amount = self.amount
            for account in self._accounts:
                account.settle(cost, amount)

    def release(self) -> None:
        """Nothing came of it."""
        self.settle(0)
