"""LiteLLM's allowances → budgets and limits of ours.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.domain.budget import Budget, Scope, UseLimit, Window
from glowplug.moving.identity import budget_id
from glowplug.moving.litellm.rows.allowance import Allowance
from glowplug.moving.litellm.rows.budgets import Budget as SharedBudget

_PERIOD = re.compile(r"(\d{1,9})\s*(s|m|h|d|w|mo)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_592_000}
# LiteLLM begins these at midnight, on Mondays and on the first of a month, as a calendar does.
_CALENDAR: Mapping[int, Window] = {
    3600: Window.HOUR,
    86_400: Window.DAY,
    604_800: Window.WEEK,
    2_592_000: Window.MONTH,
}
_MOST_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Holder:
    """Somebody with an allowance."""

    scope: Scope
    name: str
    where: str
    """In the source, for notes."""
    what: str
    """For people: `the key 'laptop'`."""
    created: float | None = None
    spent: int = 0
    """Nano-dollars in the running window, as the source counts them."""


@dataclass(frozen=True)
class Given:
    """A budget with what was spent of it before, by the source."""

    budget: Budget
    spent: int


def window_of(period: str) -> tuple[Window, float] | None:
    """A period as LiteLLM writes it → a window, with the seconds of a rolling one; None for what is no period."""
    if not period:
        return Window.TOTAL, 0.0
    found = _PERIOD.fullmatch(period.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not seconds:
        return None
    window = _CALENDAR.get(seconds)
    return (Window.ROLLING, float(max(seconds, 60))) if window is None else (window, 0.0)


def budgets(holder: Holder, allowance: Allowance, now: float, notes: list[Note], more: int = 0) -> Iterator[Given]:
    """The budgets of an allowance; `more` nano-dollars are given on top for a while."""

    def say(outcome: Outcome, what: str, why: str) -> None:
        notes.append(Note(outcome, holder.where, f"{what} of {holder.what}", why))

    amounts = [(allowance.most, allowance.period)] + [(one.most, one.period) for one in allowance.windows]
    seen: set[tuple[Window, float]] = set()
    for most, period in amounts:
        if most is None:
            continue
        found = window_of(period)
        if found is None:
            say(
                Outcome.CHANGED,
                f"the period {period!r}",
                "nobody knows how long it is, so the budget never begins again",
            )
            found = Window.TOTAL, 0.0
        window, seconds = found
        if found in seen:
            say(Outcome.LEFT, f"another budget for {period}", "there is one for the same time")
            continue
        seen.add(found)
        if window is Window.ROLLING:
            say(Outcome.CHANGED, f"the budget for {period}", "here it is for the last so many seconds at any moment")
        id = budget_id(holder.scope.value, holder.name, window.value, str(int(seconds)))
        created = (holder.created or 0.0) if window is Window.TOTAL else now
        budget = Budget(
            id=id, scope=holder.scope, name=holder.name, amount=most + more, window=window, seconds=seconds,
            created_at=created,
        )  # fmt: skip
        yield Given(budget, holder.spent)
    if allowance.warn is not None:
        say(Outcome.LEFT, "the soft budget", "nobody is told before a budget is spent; metrics say how it stands")
    if allowance.tokens_per_day is not None:
        say(Outcome.LEFT, "the limit of tokens a day", "limits here are for a minute; a budget for a day comes close")
    for model in allowance.models:
        say(Outcome.LEFT, f"what is allowed for {model.model} only", "budgets and limits are of a key or of a model")


def limit(holder: Holder, allowance: Allowance) -> UseLimit | None:
    """The limits of an allowance for a scope that does not carry its own."""
    rpm, tpm, concurrency = numbers(allowance)
    if rpm is tpm is concurrency is None:
        return None
    return UseLimit(scope=holder.scope, name=holder.name, rpm=rpm, tpm=tpm, concurrency=concurrency)


def numbers(allowance: Allowance, shared: Allowance | None = None) -> tuple[int | None, int | None, int | None]:
    """Requests and tokens a minute and requests at once; what is not said is said by the shared budget."""
    other = shared or Allowance()

    def one(mine: int | None, theirs: int | None) -> int | None:
        value = theirs if mine is None else mine
        return None if value is None else max(1, min(value, _MOST_LIMIT))

    return (
        one(allowance.requests_per_minute, other.requests_per_minute),
        one(allowance.tokens_per_minute, other.tokens_per_minute),
        one(allowance.at_once, other.at_once),
    )


def more_now(shared: SharedBudget, now: float) -> int:
    """Nano-dollars on top of a shared budget, while they are given."""
    return shared.more or 0 if shared.more_until is not None and shared.more_until > now else 0
