"""Stores the keyed hashes of keys from elsewhere when they are used: many at once, where many come at once."""

from __future__ import annotations

import asyncio
import logging

from glowplug.errors import StoreError
from glowplug.usecases.keys import KeyBook

_log = logging.getLogger(__name__)


class Rehashing:
    """Between those who see a key used and the book of keys.

    Workers are not told: the one that saw the key knows, the others accept it as before until the next snapshot.
    """

    def __init__(self, keys: KeyBook) -> None:
        self._keys = keys
        self._waiting: dict[str, bytes] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, key: str, digest: bytes) -> None:
        """This key, by id, was used; from the event loop."""
        self._waiting[key] = digest
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._store())

    async def settled(self) -> None:
        """Wait until everything that was noted is stored."""
        if self._task is not None:
            await self._task

    async def _store(self) -> None:
        while self._waiting:
            digests, self._waiting = self._waiting, {}
            try:
                await self._keys.rehash(digests)
            except StoreError as error:  # the key goes on being known by its SHA-256
                _log.error("the hashes of %d keys could not be stored: %s", len(digests), error)


def rehash_on_use(keys: KeyBook) -> Rehashing:
    """Store the hashes of keys that the admin API sees used; whoever else sees one calls `note`."""
    rehashing = Rehashing(keys)
    keys.first_used = rehashing.note
    return rehashing
