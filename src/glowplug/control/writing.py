"""The turn of whoever writes the files of a configuration."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Writing:
    """A lock that knows whose it is: what a writer causes itself need not wait for the writer."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    def mine(self) -> bool:
        """Whether the task that asks holds it."""
        return self._holder is not None and self._holder is asyncio.current_task()

    def locked(self) -> bool:
        return self._lock.locked()

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        self._holder = asyncio.current_task()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._holder = None
        self._lock.release()
