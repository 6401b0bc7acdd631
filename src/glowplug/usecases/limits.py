"""Limits of users, teams, tags, models and of everybody together: list, set, delete.  Keys carry their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from glowplug.clock import Clock, SystemClock
from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.change import OURSELVES, Actor
from glowplug.errors import NotFound, RequestError
from glowplug.store import use_limits
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.usecases.budgets import checked_scope
from glowplug.usecases.changes import gone, made, updated
from glowplug.usecases.page import MOST, Page, page
from glowplug.wire.end_user import PREFIX

MOST_AT_ONCE = 10**9


class NewLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scope is to be limited to; the body of `POST /admin/limits`.  What is left out is not limited."""

    scope: Scope = Scope.ALL
    name: str = ""
    rpm: int | None = None
    """Requests a minute."""
    tpm: int | None = None
    """Tokens a minute."""
    concurrency: int | None = None
    """Requests at the same time."""


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit for people."""

    scope: Scope
    name: str
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    dry_run: bool = False


def view(limit: UseLimit, dry_run: bool = False) -> LimitView:
    """A limit for people."""
    return LimitView(
        scope=limit.scope,
        name=limit.name,
        rpm=limit.rpm,
        tpm=limit.tpm,
        concurrency=limit.concurrency,
        dry_run=dry_run,
    )


def checked_amounts(**amounts: int | None) -> None:
    """Raises RequestError for a limit that lets nothing through or is no limit."""
    for name, amount in amounts.items():
        if amount is not None and not 1 <= amount <= MOST_AT_ONCE:
            raise RequestError(f"{name} is {amount}", hint=f"leave it out for no limit, or give 1 to {MOST_AT_ONCE}")


class LimitBook:
    """All limits in memory, the database behind them.  `changed` is called after every change."""

    def __init__(self, database: Database, changed: Callable[[], None], clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._changed = changed
        self._limits: dict[tuple[Scope, str], UseLimit] = {}
        self._change = asyncio.Lock()

    async def load(self) -> None:
        """Read all limits from the database.  Raises StoreError."""
        self._limits = {(one.scope, one.name): one for one in await self._database.run(use_limits.every)}

    async def reload(self) -> None:
        """Read them again, because something else has changed them."""
        async with self._change:
            await self.load()
        self._changed()

    def every(self) -> tuple[UseLimit, ...]:
        """All of them, by scope and name."""
        return tuple(self._limits[which] for which in sorted(self._limits))

    def list(self, limit: int = MOST, after: str = "") -> Page[LimitView]:
        """Limits for people."""
        return page([view(one) for one in self.every()], lambda row: f"{row.scope}/{row.name}", limit, after)

    async def put(
        self,
        wanted: NewLimit,
        names: Mapping[Scope, frozenset[str]],
        dry_run: bool = False,
        *,
        actor: Actor = OURSELVES,
    ) -> LimitView:
        """Limit a scope, in place of the limit it had.  Those whom requests name have no other block than no request at
        the same time.  Raises RequestError."""
        name = checked_scope(wanted.scope, wanted.name, names)
        if wanted.scope is Scope.KEY:
            raise RequestError("a key carries its own limits", hint="make a key with rpm, tpm or concurrency")
        blocks = wanted.concurrency == 0 and wanted.scope is Scope.USER and name.startswith(PREFIX)
        checked_amounts(rpm=wanted.rpm, tpm=wanted.tpm, concurrency=None if blocks else wanted.concurrency)
        if wanted.rpm is wanted.tpm is wanted.concurrency is None:
            raise RequestError("nothing is limited", hint="give rpm, tpm or concurrency; DELETE takes a limit away")
        limit = UseLimit(scope=wanted.scope, name=name, rpm=wanted.rpm, tpm=wanted.tpm, concurrency=wanted.concurrency)
        if not dry_run:
            async with self._change:
                old, at, subject = self._limits.get((limit.scope, limit.name)), self._clock.unix(), _subject(limit)
                line = made(actor, at, "limit", subject, limit)
                if old is not None:
                    line = updated(actor, at, "limit", subject, old, limit)
                await self._database.run(noted(lambda c: use_limits.put(c, limit), line))
                self._limits = {**self._limits, (limit.scope, limit.name): limit}
            self._changed()
        return view(limit, dry_run)

    async def delete(self, scope: Scope, name: str, dry_run: bool = False, *, actor: Actor = OURSELVES) -> LimitView:
        """Take the limit of a scope away.  Raises NotFound."""
        async with self._change:
            limit = self._limits.get((scope, name))
            if limit is None:
                raise NotFound(f"the {scope} {name!r} has no limit", hint="glowplug limits list shows those there are")
            if not dry_run:
                line = gone(actor, self._clock.unix(), "limit", _subject(limit), limit)
                await self._database.run(noted(lambda c: use_limits.remove(c, scope, name), line))
                self._limits = {which: one for which, one in self._limits.items() if which != (scope, name)}
        if not dry_run:
            self._changed()
        return view(limit, dry_run)


def _subject(limit: UseLimit) -> str:
    """What a line of the audit log calls it: `team web`, `all`."""
    return f"{limit.scope} {limit.name}".strip()
