"""Responses that are kept for their clients: each for the API key that asked for it, for a month, within a bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from glowplug.clock import Clock
from glowplug.errors import NotFound
from glowplug.store import responses
from glowplug.store.database import Database
from glowplug.wire.link import KeepResponse

KEPT_FOR: Final = 30 * 86_400.0
"""Seconds; as long as OpenAI keeps them."""
MOST: Final = 256 << 20
"""Bytes of all of them; the oldest go first."""
_TRIM_EVERY: Final = 16 << 20
"""Bytes that may come before the bound is looked at again."""


class ResponseBook:
    """The kept responses.  What has been accepted is found at once, also before it is in the database.

    `forgotten` is told what was deleted.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        most: int = MOST,
        forgotten: Callable[[KeepResponse], None] = lambda _: None,
    ) -> None:
        self._forgotten = forgotten
        self._database = database
        self._clock = clock
        self._most = most
        self._pending: dict[tuple[str, str], KeepResponse] = {}
        self._since_trim = _TRIM_EVERY

    def accept(self, kept: KeepResponse) -> None:
        """Keep this one; `store` must follow."""
        self._pending[kept.key, kept.id] = kept

    async def store(self, kept: KeepResponse) -> None:
        """Write an accepted one down.  Raises StoreError."""
        self._since_trim += len(kept.response) + len(kept.input)
        try:
            if self._pending.get((kept.key, kept.id)) is kept:
                await self._database.run(lambda connection: responses.add(connection, kept))
            if self._since_trim >= min(_TRIM_EVERY, self._most // 8):
                self._since_trim = 0
                since = self._clock.unix() - KEPT_FOR
                await self._database.run(lambda connection: responses.trim(connection, since, self._most))
        finally:
            if self._pending.get((kept.key, kept.id)) is kept:
                del self._pending[kept.key, kept.id]

    async def find(self, key: str, response_id: str) -> KeepResponse:
        """The response.  Raises NotFound; another key's is not there either."""
        found = self._pending.get((key, response_id))
        if found is None:
            found = await self._database.run(lambda connection: responses.find(connection, key, response_id))
        if found is None or found.created < self._clock.unix() - KEPT_FOR:
            raise NotFound(
                f"Response with id '{response_id}' not found.",
                hint="responses are kept for 30 days, for the key that asked for them, unless store is false",
            )
        return found

    async def delete(self, key: str, response_id: str) -> None:
        """Forget the response.  Raises NotFound."""
        found = await self.find(key, response_id)
        self._pending.pop((key, response_id), None)
        await self._database.run(lambda connection: responses.remove(connection, key, response_id))
        self._forgotten(found)
