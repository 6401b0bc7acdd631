"""The gateway worker process: puts the parts together and runs until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

from glowplug.gateway.connection import ClientConnection
from glowplug.gateway.guards import Guards
from glowplug.gateway.link import ControlLink
from glowplug.gateway.peers import notice_the_dead
from glowplug.gateway.plane import Journal, Plane
from glowplug.ledger.counters import CounterFile, WorkerCounters
from glowplug.pulse import answer
from glowplug.threads import be_prompt
from glowplug.wire import link

log = logging.getLogger("glowplug.worker")

_KEYS_EVERY = 5.0
"""Seconds between two reports of which keys were used."""
_BACKLOG = 4096
_FIRST_SNAPSHOT_WITHIN = 5.0


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs to know before its first snapshot."""

    name: str
    """Unique per process: `w<index>-<pid>-<start>`."""
    link_socket: str
    control_socket: str
    counters: str = ""
    """File of the counters that all workers share."""
    index: int = 0
    """Its column there."""
    pulse_fd: int = -1
    """Where whoever started it asks whether it hangs."""
    cache_file: str = ""
    """Where answers are kept that all workers share."""
    eager: bool = True
    """Accept connections also before the control process can be reached; one worker does, so that health answers."""


def worker_name(index: int) -> str:
    """The name of this process as worker `index`; pid and start are in it, so that no two processes share one."""
    return f"w{index}-{os.getpid()}-{int(time.time())}"


class Worker:
    """One gateway worker."""

    def __init__(self, settings: WorkerSettings, listener: socket.socket, journal: Journal) -> None:
        self._settings = settings
        self._listener = listener
        self._journal = journal
        self._stop = asyncio.Event()
        self._signals = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; drain; a second signal ends at once."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        answer(settings.pulse_fd, loop)
        control = ControlLink(loop, settings.link_socket, settings.name, os.getpid(), self._on_snapshot)
        guards = Guards(self._counters)
        plane = self.plane = Plane(loop, control, self._journal, settings.control_socket, guards=guards)
        control.bind(plane)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        control.start()
        await self._first_snapshot(control)
        notice_the_dead(self._listener)
        server = await loop.create_server(
            lambda: cast(asyncio.Protocol, ClientConnection(plane)), sock=self._listener, backlog=_BACKLOG
        )
        reporter = loop.create_task(self._report_keys(control))
        await self._stop.wait()
        server.close()
        bound = plane.tables.limits.drain_timeout
        log.info("draining: %d connections, at most %.0f s", len(plane.connections), bound)
        await plane.drain(bound)
        reporter.cancel()
        self._send_keys(control)
        control.close()
        if plane.disk_cache is not None:
            plane.disk_cache.close()

    async def _first_snapshot(self, control: ControlLink) -> None:
        """Wait for something to serve: clients wait in the kernel's queue meanwhile, which beats a 503."""
        enough = [control.served, self._stop, *([control.absent] if self._settings.eager else [])]
        waits = [asyncio.ensure_future(event.wait()) for event in enough]
        await asyncio.wait(waits, timeout=_FIRST_SNAPSHOT_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _counters(self, identity: int) -> WorkerCounters:
        """This worker's column of the counters with this identity.  Raises OSError, ValueError."""
        file = CounterFile(Path(self._settings.counters))
        if file.identity != identity:
            file.close()
            raise ValueError(f"{self._settings.counters} is not the file that the snapshot is about")
        return WorkerCounters(file, self._settings.index, self._settings.name)

    def _on_snapshot(self) -> None:
        file = self._settings.cache_file
        self.plane.adopt_settings(Path(file) if file else None)
        log.info("serving revision %d", self.plane.tables.snapshot.revision)

    def _signalled(self) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals > 1:
            log.warning("second signal: ending without draining")
            os._exit(1)

    async def _report_keys(self, control: ControlLink) -> None:
        while True:
            await asyncio.sleep(_KEYS_EVERY)
            self._send_keys(control)

    def _send_keys(self, control: ControlLink) -> None:
        used = {}
        for key in self.plane.tables.keys.values():
            if key.used_at > key.reported_at:
                key.reported_at = key.used_at
                used[key.route.row or key.route.id] = key.used_at
        if used:
            control.send(link.KeysUsed(used))


def run(settings: WorkerSettings, listener: socket.socket, journal: Journal) -> None:
    """Run a worker on uvloop in this process until it is stopped."""

    async def main() -> None:
        await Worker(settings, listener, journal).run()

    # Requests free themselves by reference counting; the collector need not look at what start-up made, nor often.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    be_prompt()
    uvloop.run(main())
