"""The audit log: lines for use cases to store beside what they change, and reading them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.change import Actor, Change
from glowplug.errors import RequestError
from glowplug.store import changes
from glowplug.store.database import Database
from glowplug.usecases.config import Reloaded
from glowplug.usecases.page import MOST, Page

_SILENT = frozenset(("key", "digest", "imported", "dry_run", "value", "last_used_at"))
"""Fields of views and rows that a line never has: secrets, and what says nothing about the change."""
_LONGEST = 255


def made(actor: Actor, at: float, noun: str, subject: str, after: msgspec.Struct, action: str = "create") -> Change:
    """The line for something new."""
    return _line(actor, at, action, noun, subject, None, plain(after))


def updated(
    actor: Actor,
    at: float,
    noun: str,
    subject: str,
    before: msgspec.Struct,
    after: msgspec.Struct,
    action: str = "update",
) -> Change:
    """The line for something that is not what it was: the fields that differ."""
    old, new = plain(before), plain(after)
    names = [name for name in new if old.get(name) != new[name]]
    return _line(actor, at, action, noun, subject, {n: old.get(n) for n in names}, {n: new[n] for n in names})


def gone(actor: Actor, at: float, noun: str, subject: str, before: msgspec.Struct, action: str = "delete") -> Change:
    """The line for something that is no more."""
    return _line(actor, at, action, noun, subject, plain(before), None)


def done(
    actor: Actor, at: float, action: str, noun: str, subject: str, after: Mapping[str, Any] | None = None
) -> Change:
    """The line for what changed no thing of its own: a reload of the configuration."""
    return _line(actor, at, action, noun, subject, None, None if after is None else dict(after))


def reloaded(actor: Actor, at: float, what: Reloaded) -> Change:
    """The line for a reload of the configuration: what changed, and the revisions before and after."""
    after = {"changed": list(what.changed), "revision": what.revision}
    return _line(actor, at, "reload", "config", "", {"revision": what.before}, after)


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """The fields of a value as JSON has them, without secrets."""
    kept = {n: v for n, v in msgspec.structs.asdict(value).items() if n not in _SILENT and not isinstance(v, bytes)}
    shown = msgspec.to_builtins(kept)
    assert isinstance(shown, dict)
    return shown


def _line(
    actor: Actor,
    at: float,
    action: str,
    noun: str,
    subject: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> Change:
    return Change(
        id=_new_id(),
        at=at,
        by=actor.by[:_LONGEST],
        through=actor.through[:64],
        action=action,
        noun=noun,
        subject=subject[:_LONGEST],
        before=before,
        after=after,
        request=actor.request[:64],
    )


def _new_id() -> str:
    """Ids grow, so that lines of one moment stay in their order."""
    return f"change_{time.time_ns():016x}{os.urandom(4).hex()}"


class ChangeLog:
    """Reads the log.  `retention` gives the seconds that lines are kept; they are dropped when somebody looks, and once
    at every start, which is often enough for a log that people make."""

    def __init__(self, database: Database, clock: Clock, retention: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention

    async def forget(self) -> int:
        """Drop what is too old; says how many lines that were.  Raises StoreError."""
        until = self._clock.unix() - self._retention()
        return await self._database.run(lambda c: changes.forget(c, until))

    def line(
        self, actor: Actor, action: str, noun: str, subject: str, after: Mapping[str, Any] | None = None
    ) -> Change:
        """A line of this moment, as `done` makes it."""
        return done(actor, self._clock.unix(), action, noun, subject, after)

    async def note(self, *lines: Change) -> None:
        """Store lines about what no transaction of the database did, all or none.  Raises StoreError."""

        def work(connection: Connection) -> None:
            for line in lines:
                changes.add(connection, line)

        await self._database.run(work)

    async def newest(self, limit: int = MOST, after: str = "", only: Mapping[str, str] | None = None) -> Page[Change]:
        """A page of lines behind the one with the id `after`, the newest first.  Raises RequestError."""
        if not 1 <= limit <= MOST:
            raise RequestError(f"limit is {limit}", hint=f"ask for 1 to {MOST} rows")
        if not after:
            await self.forget()

        def work(connection: Connection) -> tuple[Change, ...]:
            last = None
            if after:
                last = changes.find(connection, after)
                if last is None:
                    raise RequestError(f"there is no change {after[:100]!r}", hint="begin again without after")
            return changes.newest(connection, limit + 1, last, only)

        found = await self._database.run(work)
        more = len(found) > limit
        return Page(found[:limit], more, found[limit - 1].id if more else None)
