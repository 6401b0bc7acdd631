"""What the manager needs from outside: time, a prober, and somebody to tell."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Protocol

from glowplug.clock import Clock
from glowplug.domain.instance import Endpoint, Failure, InstanceView
from glowplug.domain.model import Loading, LocalModel
from glowplug.engines.base import Engine, Readiness


class Timer(Protocol):
    def cancel(self) -> None: ...


class Scheduler(Clock, Protocol):
    """A clock with timers.  The virtual twin is `glowplug.testing.clock.VirtualClock`."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once after `delay` seconds."""
        ...


class LoopScheduler:
    """The machine's clock and the running event loop's timers."""

    def monotonic(self) -> float:
        return time.monotonic()

    def unix(self) -> float:
        return time.time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(delay, callback)


class Outbox(Protocol):
    """Where the manager's messages go; calls return at once and may be made in any order for different models."""

    def grant(self, worker: str | None, endpoint: Endpoint) -> None:
        """This worker (None: every worker) may use the instance."""
        ...

    def revoke(self, instance: str, worker: str | None = None) -> None:
        """This worker (None: every worker) must not begin anything new with it, and answers when it has drained."""
        ...

    def progress(self, loading: Loading) -> None: ...

    def failed(self, model: str, failure: Failure) -> None:
        """Everybody who waits for this model gets the failure."""
        ...

    def leaked(self, model: str, missing: dict[str, int]) -> None:
        """The processes of an engine are gone, and these bytes (by device) have not come back."""
        ...

    def changed(self, view: InstanceView) -> None:
        """An instance changed its state (`view.memory` is not filled in)."""
        ...


OnProbe = Callable[[Readiness, str], None]


class Prober(Protocol):
    def probe(self, engine: Engine, model: LocalModel, endpoint: Endpoint, done: OnProbe) -> None:
        """Ask for the health, and when that is good for the identity; `done(readiness, detail)` is called once, within
        a few seconds, and not from inside this call unless the prober is a test's."""
        ...

    def close(self) -> None: ...


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port
