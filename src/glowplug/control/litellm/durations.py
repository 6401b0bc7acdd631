"""LiteLLM's durations (`30s`, `5m`, `24h`, `30d`, `1mo`), and what they are as windows of budgets.

LiteLLM begins a budget of a day at midnight, of seven days on Monday and of thirty days with the month; so do ours.
"""

from __future__ import annotations

import re
from typing import Final

from glowplug.domain.budget import Budget, Window
from glowplug.errors import RequestError
from glowplug.money import decimal_usd
from glowplug.usecases.budgets import BudgetView

_DURATION: Final = re.compile(r"([0-9]{1,9})(mo|s|m|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_592_000}
_WINDOWS: Final = {3600: Window.HOUR, 86_400: Window.DAY, 604_800: Window.WEEK, 2_592_000: Window.MONTH}
_WRITTEN: Final = {Window.HOUR: "1h", Window.DAY: "1d", Window.WEEK: "7d", Window.MONTH: "30d"}


def seconds(name: str, given: str) -> int:
    """Seconds of a duration; a month has thirty days.  Raises RequestError."""
    match = _DURATION.fullmatch(given.strip())
    if match is None or not int(match[1]):
        raise RequestError(f"{name} is {given[:40]!r}", hint="write for example 30s, 30m, 30h, 30d or 1mo")
    return int(match[1]) * _SECONDS[match[2]]


def budget_text(amount: int, duration: str) -> str:
    """A budget as our use cases read it, from nano-dollars and a duration; empty: it never begins again."""
    if not duration:
        return f"{decimal_usd(amount)}/total"
    length = seconds("budget_duration", duration)
    window = _WINDOWS.get(length)
    return f"{decimal_usd(amount)}/{window.value if window else f'{length}s'}"


def written(budget: Budget | BudgetView) -> str | None:
    """A window as a duration of LiteLLM's; None when it never begins again."""
    if budget.window is Window.ROLLING:
        whole = int(budget.seconds)
        size, unit = next(
            (size, unit) for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)) if not whole % size
        )
        return f"{whole // size}{unit}"
    return _WRITTEN.get(budget.window)
