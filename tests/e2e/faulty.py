"""An upstream that misbehaves on purpose, in a thread of the test process: a provider for an installation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glowplug.testing.fault_upstream import Chooser, FaultUpstream


class Faulty:
    """A `FaultUpstream` on its own thread."""

    def __init__(self, upstream: FaultUpstream, loop: asyncio.AbstractEventLoop) -> None:
        self.upstream = upstream
        self.loop = loop

    @property
    def base_url(self) -> str:
        return self.upstream.base_url

    def let(self, name: str) -> None:
        """Open a gate, from the test's thread."""
        self.loop.call_soon_threadsafe(self.upstream.let, name)

    def asked(self, model: str) -> int:
        """How many requests named this model."""
        return sum(request.model == model for request in tuple(self.upstream.requests))


@contextmanager
def faulty(choose: Chooser) -> Iterator[Faulty]:
    """One that runs inside the block."""
    started: list[Faulty] = []
    ready = threading.Event()
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(end.set))
        async with FaultUpstream(choose) as upstream:
            started.append(Faulty(upstream, loop))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield started[0]
    finally:
        stop[0]()
        thread.join(10)
