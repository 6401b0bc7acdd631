"""What was used: sums over the ledger, as of now."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import date

import msgspec
from sqlalchemy import Connection

from glowplug.domain.budget import Scope
from glowplug.errors import RequestError
from glowplug.store.database import Database
from glowplug.store.spend import DaySum, by_day
from glowplug.store.usage import By, UsageSum, added_up, days, joined, sums
from glowplug.usecases.page import MOST, Page, page

_FIRST, _LAST = "1970-01-01", "9999-12-31"
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Usage:
    """`fold` brings the journal into the ledger; it waits for files, so it runs on a thread.  `former` are names that
    models had → the model now, `providers` models → who serves them."""

    def __init__(
        self,
        database: Database,
        fold: Callable[[], object],
        former: Callable[[], Mapping[str, str]] = dict,
        providers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._former = former
        self._providers = providers
        self._database = database
        self._fold = fold

    async def sums(
        self,
        by: tuple[By, ...],
        since: str = "",
        until: str = "",
        limit: int = MOST,
        after: str = "",
        only: Mapping[str, str] | None = None,
    ) -> Page[UsageSum]:
        """Sums by group between two UTC days, both included; `only` narrows by model, key, user or team.

        Raises RequestError for what is not a day, and for tags beside anything but days.
        """
        since, until = day("since", since), day("until", until)
        if not after:
            await asyncio.to_thread(self._fold)
        if By.TAG in by:
            return page(await self._tags(by, since, until, only or {}), identity, limit, after)
        wanted = self._only(only or {})

        def rows(connection: Connection, since: str, until: str) -> tuple[UsageSum, ...]:
            asked = (*by, By.MODEL) if By.PROVIDER in by else by
            return self._named(sums(connection, asked, since, until, wanted), by)

        if By.DAY in by:
            found = await self._database.run(lambda c: _by_day(c, rows, (since, until), after, limit))
        else:
            found = await self._database.run(lambda c: rows(c, since, until))
        return page(found, identity, limit, after)

    def _only(self, only: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
        """A model with the names it had before."""
        wanted: dict[str, str | tuple[str, ...]] = dict(only)
        if model := only.get("model"):
            wanted["model"] = (model, *(then for then, now in self._former().items() if now == model))
        return wanted

    def _named(self, rows: tuple[UsageSum, ...], by: tuple[By, ...]) -> tuple[UsageSum, ...]:
        """With models under their present names, and their providers."""
        former = self._former()
        if By.MODEL in by and former:
            rows = joined(rows, former)
        if By.PROVIDER not in by:
            return rows
        providers, model = self._providers(), By.MODEL in by
        return added_up(
            msgspec.structs.replace(
                one, provider=_provider(former.get(one.model or "", one.model or ""), providers),
                model=one.model if model else None,
            )
            for one in rows
        )  # fmt: skip

    async def _tags(
        self, by: tuple[By, ...], since: str, until: str, only: Mapping[str, str]
    ) -> tuple[UsageSum, ...]:  # fmt: skip
        if only or set(by) - {By.TAG, By.DAY}:
            raise RequestError(
                "usage by tag goes with days and with nothing else", hint="ask for by=tag or by=day,tag, not narrowed"
            )
        first, last = (date.fromisoformat(text).toordinal() - _EPOCH for text in (since or _FIRST, until or _LAST))
        rows = await self._database.run(lambda c: by_day(c, Scope.TAG, first, last))
        return added_up(
            UsageSum(
                tag=row.name, day=date.fromordinal(row.day + _EPOCH).isoformat() if By.DAY in by else None,
                attempts=row.attempts, prompt_tokens=row.prompt_tokens, completion_tokens=row.completion_tokens,
                cost=row.nano,
            )
            for row in rows
        )  # fmt: skip

    async def days(self, scope: Scope, since: str, until: str) -> tuple[DaySum, ...]:
        """What every name of a scope used on each UTC day, from `since` to `until`, both included."""
        first, last = (
            date.fromisoformat(day(name, text)).toordinal() - _EPOCH
            for name, text in (("since", since), ("until", until))
        )
        await asyncio.to_thread(self._fold)
        return await self._database.run(lambda c: by_day(c, scope, first, last))


def identity(row: UsageSum) -> str:
    """Names one row of the sums, for `after`."""
    more = [part for part in (row.provider, row.tag) if part is not None]
    return "/".join((*(part or "" for part in (row.day, row.model, row.key, row.user, row.team)), *more))


def _by_day(
    connection: Connection,
    rows: Callable[[Connection, str, str], tuple[UsageSum, ...]],
    between: tuple[str, str],
    after: str,
    limit: int,
) -> tuple[UsageSum, ...]:
    """Rows from the day of `after` on, of a few days at a time, until there are enough for a page."""
    since, until = between
    behind = after.partition("/")[0]
    found: tuple[UsageSum, ...] = ()
    left = days(connection, max(since, behind), until)
    some, enough = 1, limit
    while left and len(found) <= enough:
        part = rows(connection, left[0], left[min(some, len(left)) - 1])
        found += part
        if after and enough == limit:  # those of the first day up to `after` are not of this page
            enough += next((at + 1 for at, row in enumerate(part) if identity(row) == after), 0)
        left, some = left[some:], some * 2
    return found


def _provider(model: str, providers: Mapping[str, str]) -> str:
    """Of a model that may be one of those that a name with `*` at its end stands for."""
    if model in providers:
        return providers[model]
    stars = [name for name in providers if name.endswith("*") and model.startswith(name[:-1])]
    return providers[max(stars, key=len)] if stars else ""


def groups(text: str) -> tuple[By, ...]:
    """`model,key,day` as groups; empty for one total.  Raises RequestError that says what there is."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in set(By):
            raise RequestError(f"usage cannot be grouped by {name!r}", hint=f"by is a list of {', '.join(By)}")
    return tuple(By(name) for name in dict.fromkeys(names))


def day(name: str, text: str) -> str:
    """A checked `YYYY-MM-DD`, or empty.  Raises RequestError."""
    if text:
        try:
            valid = _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
        except ValueError:
            valid = False
        if not valid:
            raise RequestError(f"{name} is {text!r}", hint="write a day, for example 2026-01-31")
    return text
