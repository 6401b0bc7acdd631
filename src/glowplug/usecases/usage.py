"""What was used: sums over the ledger, as of now."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import date

from glowplug.domain.budget import Scope
from glowplug.errors import RequestError
from glowplug.store.database import Database
from glowplug.store.spend import DaySum, by_day
from glowplug.store.usage import By, UsageSum, joined, sums
from glowplug.usecases.page import MOST, Page, page

_EPOCH = date(1970, 1, 1).toordinal()
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Usage:
    """`fold` brings the journal into the ledger; it waits for files, so it runs on a thread.  `former` are names that
    models had → the model now."""

    def __init__(
        self,
        database: Database,
        fold: Callable[[], object],
        former: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._former = former
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
        """Sums by group between two UTC days, both included.  Raises RequestError for what is not a day."""
        since, until = day("since", since), day("until", until)
        await asyncio.to_thread(self._fold)
        rows = await self._database.run(lambda c: sums(c, by, since, until, only))
        if By.MODEL in by and (former := self._former()):
            rows = joined(rows, former)
        return page(rows, identity, limit, after)

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
    return "/".join(part or "" for part in (row.day, row.model, row.key, row.user, row.team))


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
