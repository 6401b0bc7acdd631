"""The stand-in for a cloud provider, in a thread of the test process, so that a test sees every request it got."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glowplug.testing.fake_provider import FakeProvider
from glowplug.testing.provider_replies import Behaviour


class Cloud:
    """A `FakeProvider` on its own thread; `change` may be called from the test's thread."""

    def __init__(self, provider: FakeProvider, loop: asyncio.AbstractEventLoop) -> None:
        self.provider = provider
        self.loop = loop

    @property
    def base_url(self) -> str:
        return self.provider.base_url

    def change(self, **changes: object) -> None:
        """Answer otherwise from now on (members of `Behaviour`)."""
        done = threading.Event()

        def apply() -> None:
            self.provider.change(**changes)
            done.set()

        self.loop.call_soon_threadsafe(apply)
        assert done.wait(10)

    @contextmanager
    def changed(self, **changes: object) -> Iterator[None]:
        """Answer otherwise inside the block."""
        before = {name: getattr(self.provider.behaviour, name) for name in changes}
        self.change(**changes)
        try:
            yield
        finally:
            self.change(**before)


@contextmanager
def cloud(**behaviour: object) -> Iterator[Cloud]:
    """A provider that runs inside the block."""
    started: list[Cloud] = []
    ready = threading.Event()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(end.set) and None)
        async with FakeProvider(behaviour=Behaviour(**behaviour)) as provider:  # type: ignore[arg-type]
            started.append(Cloud(provider, loop))
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
