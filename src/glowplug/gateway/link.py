"""The worker's end of the link to the control process: connects, reconnects, and never blocks a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from glowplug.domain.route_plan import RoutePlan
from glowplug.gateway.explaining import answer
from glowplug.gateway.plane import Plane
from glowplug.wire import link

_RETRY: Final = (0.02, 0.05, 0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.5)
"""Seconds between attempts to reach the control process; the last one repeats."""

_MOST_AGENT: Final = 200
"""Characters of a `User-Agent` that are told."""

log = logging.getLogger("glowplug.worker")


class ControlLink(asyncio.Protocol):
    """Keeps one connection to the control process.  Usable as the `Uplink` of `Grants`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, path: str, worker: str, pid: int, on_snapshot: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._path = path
        self._worker = worker
        self._pid = pid
        self._on_snapshot = on_snapshot
        self._frames = link.Frames()
        self._transport: asyncio.Transport | None = None
        self._failures = 0
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._plane: Plane
        self.absent = asyncio.Event()
        """Set once the control process could not be reached."""
        self.served = asyncio.Event()
        """Set once a snapshot has come."""

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def bind(self, plane: Plane) -> None:
        """Deliver to this plane; before `start`."""
        self._plane = plane
        plane.tables.rehash = lambda key, digest: self.send(link.Rehash(key, digest))
        plane.tables.met = self._met

    def start(self) -> None:
        self._task = self._loop.create_task(self._connect())

    def close(self) -> None:
        self._closing = True
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.close()

    def send(self, message: link.ToControl) -> None:
        """Send if there is a connection.  What is lost meanwhile is made up for by `Hello.held` and `Grants.resend`."""
        if self._transport is not None:
            self._transport.write(link.encode(message))

    def _met(self, key: str, agent: bytes, at: float) -> None:
        said = agent[:_MOST_AGENT].decode("latin-1")
        self.send(link.Met(key, "".join(char if char.isprintable() else "?" for char in said), at))

    async def _connect(self) -> None:
        while not self._closing:
            if self._failures:
                await asyncio.sleep(_RETRY[min(self._failures, len(_RETRY)) - 1])
            try:
                await self._loop.create_unix_connection(lambda: self, self._path)
            except OSError:
                self.absent.set()
                self._failures += 1
            else:
                return

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._frames = link.Frames()
        self._plane.control_connected = True
        self.send(link.Hello(self._worker, self._pid, link.PROTOCOL, self._plane.grants.held()))
        self._plane.grants.resend()
        self._plane.kept.resend()
        for key in self._plane.tables.keys.values():
            for agent, at in key.agents.items():
                self._met(key.route.id, agent, at)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                self._receive(link.decode_to_worker(body))
                self._failures = 0  # not sooner: who accepts and then hangs up must not be asked without a pause
        except link.FrameError as error:
            log.error("link: the control process sent something that is not a message: %s", error)
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._plane.control_connected = False
        self._failures += 1
        if not self._closing:
            log.warning(
                "link: the control process is gone; serving on from revision %d", self._plane.tables.snapshot.revision
            )
            self.start()

    def _receive(self, message: link.ToWorker) -> None:
        match message:
            case link.SetSnapshot(snapshot):
                orphans = self._plane.tables.apply(snapshot)
                self._plane.grants.rebind(orphans)
                self.served.set()
                self._on_snapshot()
            case link.Granted(endpoint):
                self._plane.grants.grant(endpoint)
            case link.Revoked(instance):
                self._plane.grants.revoke(instance)
            case link.Progress(loading):
                self._plane.grants.progress(loading)
            case link.Memory(instance, size, size_vram):
                self._plane.grants.sized(instance, size, size_vram)
            case link.ForgetResponse(key, response):
                self._plane.kept.forget(key, response)
            case link.Failed(model, failure):
                self._plane.grants.fail(model, failure)
            case link.Scrape(ask):
                self.send(link.Scraped(ask, self._plane.families()))
            case link.Explain(ask, question):
                found = answer(self._plane, question)
                if isinstance(found, RoutePlan):
                    self.send(link.Explained(ask, found))
                else:
                    self.send(link.Explained(ask, None, found))
