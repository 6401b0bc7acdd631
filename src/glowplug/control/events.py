"""What happens, told to whoever listens: instances change, configurations load, things fail.

Each listener has a bounded queue; one that reads too slowly is dropped instead of being waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

_QUEUE = 256


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    kind: str
    """`instance`, `loading`, `config`, `config_refused`, `keys`, `worker`, `failure`, `leak`, `ledger`,
    `client`."""
    at: float
    """Unix seconds."""
    data: object


class Subscription:
    """The events since it began; the iteration ends when the listener was too slow or everything ends."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(size + 1)
        self._size = size
        self.dropped = False
        self.ended = False

    def offer(self, event: Event) -> bool:
        """Queue an event; False when the queue is full, and then this listener is over."""
        if self._queue.qsize() >= self._size:
            self.dropped = True
            self.end()
            return False
        self._queue.put_nowait(event)
        return True

    def end(self) -> None:
        """Nothing more comes."""
        if not self.ended:
            self.ended = True
            self._queue.put_nowait(None)

    async def next(self, patience: float | None = None) -> Event | None:
        """The next event, or None at the end.  Raises TimeoutError after `patience` seconds without one."""
        return await asyncio.wait_for(self._queue.get(), patience)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self.next()) is not None:
            yield event


class Broadcaster:
    """Publishes to all subscriptions of this process."""

    def __init__(self, queue: int = _QUEUE) -> None:
        self._size = queue
        self._listeners: set[Subscription] = set()

    def publish(self, event: Event) -> None:
        """Give an event to everybody; returns at once."""
        for listener in tuple(self._listeners):
            if not listener.offer(event):
                self._listeners.discard(listener)

    def subscribe(self) -> Subscription:
        """Begin to listen.  Give it back with `unsubscribe`."""
        listener = Subscription(self._size)
        self._listeners.add(listener)
        return listener

    def unsubscribe(self, listener: Subscription) -> None:
        self._listeners.discard(listener)

    def close(self) -> None:
        """End all subscriptions."""
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()

    def __len__(self) -> int:
        return len(self._listeners)
