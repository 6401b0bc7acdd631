"""What was sent and answered, of API keys that keep it: stored as it comes, shown, deleted."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from glowplug.clock import Clock
from glowplug.errors import NotFound
from glowplug.store import bodies
from glowplug.store.database import Database
from glowplug.wire.link import Logged


class BodyView(msgspec.Struct, frozen=True, kw_only=True):
    """One request with its answer, for people.  Bytes that are no UTF-8 are shown as U+FFFD."""

    request: str
    key: str
    at: float
    kind: str
    asked: str
    model: str
    status: int
    sent: str
    answered: str
    truncated: bool


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What a deletion did."""

    key: str
    removed: int


class Bodies:
    """The log.  `retention` gives the seconds that bodies are kept."""

    def __init__(self, database: Database, clock: Clock, retention: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention

    async def log(self, logged: Logged) -> None:
        """Store one.  Raises StoreError."""
        since = self._clock.unix() - self._retention()
        await self._database.run(lambda c: bodies.add(c, logged, since))

    async def show(self, request: str) -> BodyView:
        """The one of this request.  Raises NotFound."""
        found = await self._database.run(lambda c: bodies.find(c, request))
        if found is None:
            raise NotFound(
                f"no bodies are kept of the request {request!r}",
                hint="only keys made with --log-bodies keep them, and not for ever (keeping.log_retention)",
            )
        return BodyView(
            request=found.request,
            key=found.key,
            at=found.at,
            kind=found.kind,
            asked=found.asked,
            model=found.model,
            status=found.status,
            sent=found.sent.decode("utf-8", "replace"),
            answered=found.answered.decode("utf-8", "replace"),
            truncated=found.truncated,
        )

    async def remove(self, key: str) -> Removed:
        """Delete everything that is kept of one key."""
        return Removed(key=key, removed=await self._database.run(lambda c: bodies.remove(c, key)))
