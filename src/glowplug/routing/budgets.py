"""The arithmetic of budgets: in which window a moment is, and what is left.  Pure; nano-dollars, Unix seconds.

Something is admitted as long as anything is left, so a budget is passed by at most the one request that used up its
rest (and by one more for each other worker that looked in the same instant).  To ask that a whole estimate fits would
keep the last of every budget from being used, because estimates are made for the longest answer.
"""

from __future__ import annotations

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
    def add(self, amount: int) -> None: ...


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

    __slots__ = ("amount", "budget", "periods")

    def __init__(self, budget: Budget, periods: tuple[tuple[Period, Account], ...]) -> None:
        self.budget = budget
        self.amount = budget.amount
        self.periods = periods

    def at(self, now: float) -> tuple[Period, Account]:
        """The period a moment is in.  Behind the last (control is away for long) the last goes on, and before the
        first the first counts: there is never a moment without one."""
        for entry in self.periods:
            if now < entry[0].end:
                return entry
        return self.periods[-1]

    def left(self, now: float) -> int:
        """What may still be spent; negative when the budget is passed."""
        first = self.periods[0]
        account = first[1] if now < first[0].end else self.at(now)[1]
        return self.amount - account.taken()


class Reservation:
    """What one attempt holds against several budgets, until it is settled or released, once."""

    __slots__ = ("_accounts", "_open", "amount")

    def __init__(self, accounts: tuple[Account, ...], amount: int) -> None:
        self.amount = amount
        self._accounts = accounts
        self._open = True
        for account in accounts:
            account.hold(amount)

    def settle(self, cost: int) -> None:
        """It has cost this.  The cost is counted before the hold is given back: too much for a moment, never too
        little."""
        if self._open:
            self._open = False
            for account in self._accounts:
                if cost:
                    account.add(cost)
                account.hold(-self.amount)

    def release(self) -> None:
        """Nothing came of it."""
        self.settle(0)
