"""What all connections of one worker share, and the one timer that watches every deadline."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from glowplug.clock import SteadyTime, steady_seconds
from glowplug.config.pinning import Lookup, resolve
from glowplug.domain.usage import AttemptClosed, AttemptOpened
from glowplug.errors import StoreError, Unavailable
from glowplug.gateway.cache import Cache
from glowplug.gateway.cache_disk import DiskCache
from glowplug.gateway.grants import Grants, Uplink
from glowplug.gateway.guards import Guards
from glowplug.gateway.kept import Kept
from glowplug.gateway.metrics import Metrics, by_model
from glowplug.gateway.sessions import Sessions
from glowplug.gateway.tables import Tables
from glowplug.gateway.targets import Target
from glowplug.gateway.upstream import Pool, pinned, tcp, unix
from glowplug.ids import RequestIds
from glowplug.routing.retry_budget import RetryBudget
from glowplug.wire import link
from glowplug.wire.exposition import Families, Sample

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.connection import ClientConnection

SWEEP: Final = 0.25
"""Seconds between two looks at all deadlines; the timer runs only while there is a connection."""
_CONTROL_CONNECT: Final = 2.0
_LAST_BYTES: Final = 0.05
"""Seconds at the end for what was written to leave; who does not read it by then is cut off."""

log = logging.getLogger("glowplug.worker")


class Journal(Protocol):
    """Where attempts are recorded; both raise StoreError when they cannot be."""

    def opened(self, record: AttemptOpened) -> None: ...
    def closed(self, record: AttemptClosed) -> None: ...
    def flush(self) -> None:
        """Wait until everything is on the disk.  Raises OSError."""


class Plane:
    """The state of one gateway worker."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        uplink: Uplink,
        journal: Journal,
        control_socket: str,
        tls: ssl.SSLContext | None = None,
        guards: Guards | None = None,
        lookup: Lookup = resolve,
    ) -> None:
        self.loop = loop
        self.lookup = lookup
        """Where hosts are that came through an API."""
        self.tables = Tables(guards)
        self.metrics = Metrics()
        self.cache = Cache(0, 0.0)
        self.disk_cache: DiskCache | None = None
        self._uplink = uplink
        self.grants = Grants(loop, self.tables, uplink)
        self.kept = Kept(uplink)
        self._tls = tls
        self.control_socket = control_socket
        self.control: Pool = unix(loop, control_socket, _CONTROL_CONNECT)
        self.connections: set[ClientConnection] = set()
        self.per_client: dict[str, int] = {}
        self.detached: set[Call] = set()
        """Calls whose client left and whose paid upstream is read to its end."""
        self.request_ids = RequestIds()
        self.retries = RetryBudget()
        self.sessions = Sessions()
        self.draining = False
        self.control_connected = False
        self._journal = journal
        self._time = SteadyTime(time(), steady_seconds())
        self.unix_offset = 0.0
        """Unix time minus the monotonic clock; a wall clock that jumps is not believed at once."""
        self._look_at_the_clock()
        self._sweeping = False
        self._sweep_due = self._lag = 0.0
        self._unsynced = False
        """Whether the journal has news that may not be on the disk."""
        self._synced_at = 0.0
        self._changed = asyncio.Event()

    @property
    def tls(self) -> ssl.SSLContext:
        """How providers' certificates are verified: against the system's authorities, or those given at the start.

        Made at the first use: reading the authorities takes tens of milliseconds and megabytes, which an installation
        without an https provider never needs.
        """
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def provider_pool(self, target: Target) -> Pool:
        """The pool to a target's provider, made at its first use."""
        route = target.route
        parts = urlsplit(route.base_url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        if target.base is not None:
            pool = target.pool = target.base.pool or self.provider_pool(target.base)
            return pool
        host, tls = parts.hostname or "", self.tls if secure else None
        if route.guarded:
            pool = pinned(self.loop, host, port, tls, route.connect_timeout, self.lookup)
        else:
            pool = tcp(self.loop, host, port, tls, route.connect_timeout)
        target.pool = pool
        return pool

    # ---- accounting

    def open_attempt(self, record: AttemptOpened) -> None:
        """Record that an attempt begins.  Raises Unavailable: what cannot be recorded is not sent."""
        try:
            self._journal.opened(record)
        except StoreError as error:
            raise Unavailable(
                f"Usage cannot be recorded: {error.message}",
                hint=error.hint or "free disk space in the state directory",
                code="journal_unavailable",
                retry_after=10.0,
            ) from error

    def close_attempt(self, record: AttemptClosed) -> None:
        metrics = self.metrics
        metrics.attempts[record.model, record.outcome._value_] += 1
        counts = metrics.tokens[record.model]
        counts[0] += record.prompt_tokens
        counts[1] += record.completion_tokens
        if record.cached_tokens:
            counts[2] += record.cached_tokens
        if record.cost:
            metrics.cost[record.model] += record.cost
        metrics.upstream_seconds.pending.append(record.duration)
        self._unsynced = True
        try:
            self._journal.closed(record)
        except StoreError as error:
            metrics.journal_failures += 1
            # The opened record is there: the fold will settle this attempt as interrupted, so it is not lost.
            log.error("journal: the end of %s attempt %d was not recorded: %s", record.request, record.attempt, error)

    # ---- what is kept of answers

    def log_bodies(self, logged: link.Logged) -> None:
        """Hand over a request with its answer; while the control process is away it is dropped and counted."""
        if self.control_connected:
            self._uplink.send(logged)
        else:
            self.metrics.bodies_dropped += 1

    def adopt_settings(self, cache_file: Path | None) -> None:
        """A new snapshot came: the caches are as large and as patient as it says."""
        keeping = self.tables.snapshot.keeping
        self.cache.resize(keeping.memory, keeping.ttl)
        wanted = keeping.disk if cache_file is not None else 0
        if wanted and self.disk_cache is None and cache_file is not None:
            self.disk_cache = DiskCache(cache_file, wanted, keeping.ttl)
        elif self.disk_cache is not None:
            self.disk_cache.resize(wanted, keeping.ttl)
            if not wanted:
                self.disk_cache.close()
                self.disk_cache = None

    # ---- connections

    def joined(self, connection: ClientConnection, client: str) -> bool:
        """A client connected.  False: it has too many connections already."""
        count = self.per_client.get(client, 0)
        if count >= self.tables.limits.connections:
            return False
        self.per_client[client] = count + 1
        self.connections.add(connection)
        if not self._sweeping:
            self._sweeping = True
            self._look_at_the_clock()
            self._sweep_later()
        return True

    def left(self, connection: ClientConnection, client: str) -> None:
        if connection in self.connections:
            self.connections.discard(connection)
            self._changed.set()
            count = self.per_client[client] - 1
            if count:
                self.per_client[client] = count
            else:
                del self.per_client[client]

    def finished(self, call: Call) -> None:
        """A call whose client had left is over."""
        self.detached.discard(call)
        self._changed.set()

    def _look_at_the_clock(self) -> None:
        self.unix_offset = self._time.look(time(), steady_seconds()) - monotonic()

    def _sweep_later(self) -> None:
        self._sweep_due = monotonic() + SWEEP
        self.loop.call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._look_at_the_clock()
        now = monotonic()
        self._lag = max(self._lag, now - self._sweep_due)
        self.sweep(now)
        self._sync(now)
        idle = not (self.connections or self.detached or self._unsynced or any(p.idle for p in self._pools()))
        self._sweeping = not idle
        if self._sweeping:
            self._sweep_later()

    def _sync(self, now: float) -> None:
        """Have the journal written to the disk when that is due; on a thread, because it waits for the disk."""
        every = self.tables.limits.journal_sync
        if not every:
            self._unsynced = False
        elif self._unsynced and now - self._synced_at >= every:
            self._unsynced = False
            self._synced_at = now
            self.loop.run_in_executor(None, self._flush)

    def _flush(self) -> None:
        try:
            self._journal.flush()
        except OSError as error:
            log.error("journal: it could not be written to the disk: %s", error)
            self.metrics.journal_failures += 1

    def sweep(self, now: float) -> None:
        """Let everything whose deadline has passed know (monotonic seconds)."""
        self.metrics.settle()
        self.retries.sample(now, self.metrics.request_seconds.count)
        for connection in [c for c in self.connections if c.deadline < now]:
            connection.expired()
        running = [c.call for c in self.connections if c.call is not None and c.call.deadline < now]
        for call in running:
            call.expire(now)
        for call in [c for c in self.detached if c.deadline < now]:
            call.expire(now)
        for pool in self._pools():
            pool.sweep(now)

    def _pools(self) -> list[Pool]:
        pools = [self.control]
        pools += [target.pool for target in self.tables.targets.values() if target.pool is not None]
        pools += [instance.pool for instance in self.grants.instances.values()]
        return pools

    # ---- the end

    async def drain(self, bound: float) -> None:
        """Let what is running finish for at most `bound` seconds, then end it with an error in its own dialect."""
        self.draining = True
        for connection in list(self.connections):
            connection.shutdown()
        await self._all_gone(bound)
        for connection in list(self.connections):
            if connection.call is not None:
                connection.call.shut()
            connection.close()
        for call in list(self.detached):
            call.shut()
        await self._all_gone(_LAST_BYTES)
        for connection in list(self.connections):
            connection.tr.abort()

    async def _all_gone(self, bound: float) -> None:
        """Wait until nobody is connected and nothing goes on, for at most `bound` seconds."""
        end = monotonic() + bound
        while self.connections or self.detached:
            self._changed.clear()
            try:
                async with asyncio.timeout(end - monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                break

    def families(self) -> Families:
        """Everything in `metrics.METRICS`, as of now."""
        targets = self.tables.targets.values()
        leases: dict[str, float] = {}
        for instance in self.grants.instances.values():
            leases[instance.endpoint.model] = leases.get(instance.endpoint.model, 0.0) + instance.leases
        now = monotonic()
        lag, self._lag = self._lag, 0.0
        return self.metrics.families(
            {
                "glowplug_requests_in_flight": [Sample((), sum(c.call is not None for c in self.connections))],
                "glowplug_requests_waiting": by_model({t.name: len(t.waiters) + len(t.queue) for t in targets}),
                "glowplug_connections": [Sample((), len(self.connections))],
                "glowplug_leases": by_model(leases),
                "glowplug_target_standing": [
                    Sample((("model", t.name), ("standing", t.standing(now).name.lower())), 1) for t in targets
                ],
                "glowplug_snapshot_revision": [Sample((), self.tables.snapshot.revision)],
                "glowplug_control_connected": [Sample((), float(self.control_connected))],
                "glowplug_loop_lag_seconds": [Sample((), lag)],
                "glowplug_journal_sync_age_seconds": [Sample((), now - self._synced_at)] if self._synced_at else [],
            }
        )
